/// What is in the folder `Public`, as the build has made it octets. A file that is missing here is missing in the page, and its tests say so.
enum StaticSiteFiles {
    struct File: Sendable {
        let path: String
        let type: String
        let octets: [UInt8]
    }

    static var index: [UInt8] { PackageResources.index_html }

    /// All but the page itself.
    static let all: [File] = {
        let script = "text/javascript; charset=utf-8"
        let style = "text/css; charset=utf-8"
        let drawing = "image/svg+xml"
        let files: [(String, String, [UInt8])] = [
            ("icon.svg", drawing, PackageResources.icon_svg),
            ("app.js", script, PackageResources.app_js),
            ("chat.js", script, PackageResources.chat_js),
            ("commands.js", script, PackageResources.commands_js),
            ("devices.js", script, PackageResources.devices_js),
            ("directory.js", script, PackageResources.directory_js),
            ("finding.js", script, PackageResources.finding_js),
            ("model/changes.js", script, PackageResources.changes_js),
            ("model/keyring.js", script, PackageResources.keyring_js),
            ("model/logs.js", script, PackageResources.logs_js),
            ("model/names.js", script, PackageResources.names_js),
            ("model/rooms.js", script, PackageResources.rooms_js),
            ("model/timeline.js", script, PackageResources.timeline_js),
            ("password.js", script, PackageResources.password_js),
            ("people.js", script, PackageResources.people_js),
            ("pinned.js", script, PackageResources.pinned_js),
            ("protocol/agent.js", script, PackageResources.agent_js),
            ("protocol/attachments.js", script, PackageResources.attachments_js),
            ("protocol/client.js", script, PackageResources.client_js),
            ("protocol/connection.js", script, PackageResources.connection_js),
            ("protocol/kinds.js", script, PackageResources.kinds_js),
            ("protocol/login.js", script, PackageResources.login_js),
            ("protocol/octets.js", script, PackageResources.octets_js),
            ("protocol/outbox.js", script, PackageResources.outbox_js),
            ("protocol/reasons.js", script, PackageResources.reasons_js),
            ("protocol/secrets.js", script, PackageResources.secrets_js),
            ("session.js", script, PackageResources.session_js),
            ("style/base.css", style, PackageResources.base_css),
            ("style/composer.css", style, PackageResources.composer_css),
            ("style/entry.css", style, PackageResources.entry_css),
            ("style/frame.css", style, PackageResources.frame_css),
            ("style/layers.css", style, PackageResources.layers_css),
            ("style/log.css", style, PackageResources.log_css),
            ("theme.js", script, PackageResources.theme_js),
            ("view/announcer.js", script, PackageResources.announcer_js),
            ("view/appearance.js", script, PackageResources.appearance_js),
            ("view/completion.js", script, PackageResources.completion_js),
            ("view/composer.js", script, PackageResources.composer_js),
            ("view/dom.js", script, PackageResources.dom_js),
            ("view/entry.js", script, PackageResources.entry_js),
            ("view/head.js", script, PackageResources.head_js),
            ("view/layers.js", script, PackageResources.layers_js),
            ("view/log.js", script, PackageResources.log_js),
            ("view/members.js", script, PackageResources.members_js),
            ("view/message.js", script, PackageResources.message_js),
            ("view/notices.js", script, PackageResources.notices_js),
            ("view/notifier.js", script, PackageResources.notifier_js),
            ("view/rows.js", script, PackageResources.rows_js),
            ("view/sidebar.js", script, PackageResources.sidebar_js),
            ("view/text.js", script, PackageResources.text_js),
            ("writing.js", script, PackageResources.writing_js),
        ]
        return files.map { File(path: $0.0, type: $0.1, octets: $0.2) }
    }()
}

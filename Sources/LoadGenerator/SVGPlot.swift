import Glibc

/// A line plot as SVG, drawn for a page that styles it with the classes `line0`, `line1`, …, `grid`, `axis` and `hover`.
struct SVGPlot {
    /// How values become positions.
    enum Scale {
        case linear
        /// Powers of ten are equally far apart.
        case logarithmic
        /// Percentiles: 0, 90, 99, 99.9 … are equally far apart.
        case percentile

        func position(_ value: Double) -> Double {
            switch self {
            case .linear: value
            case .logarithmic: log10(max(value, 1))
            case .percentile: -log10(max(1 - value / 100, 1e-9))
            }
        }
    }

    struct Line {
        var name: String
        var points: [(x: Double, y: Double)]
    }

    var title: String
    var lines: [Line]
    var xScale = Scale.linear
    var yScale = Scale.linear
    var xName: String
    var formatX: (Double) -> String
    var formatY: (Double) -> String

    private static let width = 720.0
    private static let height = 270.0
    private static let left = 74.0
    private static let right = 16.0
    private static let top = 14.0
    private static let bottom = 40.0

    /// A `figure` element; empty if there is nothing to draw.
    func rendered() -> String {
        let points = lines.flatMap(\.points)
        guard points.count > 1 else { return "" }
        let xs = points.map { xScale.position($0.x) }
        let ys = points.map { yScale.position($0.y) }
        let (xMin, xMax) = (min(xs.min()!, 0), max(xs.max()!, xs.min()! + 1e-9))
        let yMin = yScale == .linear ? 0 : ys.min()!.rounded(.down)
        let yMax = yScale == .linear ? Self.niceMaximum(ys.max()!) : max(ys.max()!.rounded(.up), yMin + 1)
        func x(_ value: Double) -> Double {
            Self.left + (xScale.position(value) - xMin) / (xMax - xMin) * (Self.width - Self.left - Self.right)
        }
        func y(_ value: Double) -> Double {
            Self.height - Self.bottom - (yScale.position(value) - yMin) / (yMax - yMin) * (Self.height - Self.top - Self.bottom)
        }
        func text(_ number: Double) -> String { DecimalText.trimmed(number, decimals: 1) }

        var svg = "<figure><figcaption>\(Markup.escaped(title))"
        if lines.count > 1 {
            for (index, line) in lines.enumerated() { svg += " <span class=\"key key\(index)\">\(Markup.escaped(line.name))</span>" }
        }
        svg +=
            "</figcaption>\n<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\" aria-label=\"\(Markup.escaped(title))\">\n"
        for tick in yTicks(yMin, yMax) {
            let position = text(y(tick))
            svg +=
                "<line class=\"grid\" x1=\"\(text(Self.left))\" x2=\"\(text(Self.width - Self.right))\" y1=\"\(position)\" y2=\"\(position)\"/>"
            svg +=
                "<text class=\"axis\" text-anchor=\"end\" x=\"\(text(Self.left - 8))\" y=\"\(text(y(tick) + 4))\">\(Markup.escaped(formatY(tick)))</text>\n"
        }
        for tick in xTicks(points.map(\.x).max()!) {
            let position = text(x(tick))
            svg +=
                "<line class=\"grid\" y1=\"\(text(Self.top))\" y2=\"\(text(Self.height - Self.bottom))\" x1=\"\(position)\" x2=\"\(position)\"/>"
            svg +=
                "<text class=\"axis\" text-anchor=\"middle\" x=\"\(position)\" y=\"\(text(Self.height - Self.bottom + 18))\">\(Markup.escaped(formatX(tick)))</text>\n"
        }
        svg +=
            "<text class=\"axis\" text-anchor=\"end\" x=\"\(text(Self.width - Self.right))\" y=\"\(text(Self.height - 4))\">\(Markup.escaped(xName))</text>\n"
        for (index, line) in lines.enumerated() where line.points.count > 1 {
            let path = line.points.map { "\(text(x($0.x))),\(text(y($0.y)))" }.joined(separator: " ")
            svg += "<polyline class=\"line line\(index)\" points=\"\(path)\"/>\n"
            for point in line.points {
                svg += "<circle class=\"hover line\(index)\" r=\"5\" cx=\"\(text(x(point.x)))\" cy=\"\(text(y(point.y)))\">"
                svg += "<title>\(Markup.escaped("\(line.name): \(formatY(point.y)) at \(formatX(point.x))"))</title></circle>"
            }
            svg += "\n"
        }
        return svg + "</svg></figure>\n"
    }

    private func yTicks(_ low: Double, _ high: Double) -> [Double] {
        guard yScale != .linear else { return Self.linearTicks(high, countMax: 6) }
        return stride(from: low, through: high, by: 1).map { pow(10, $0) }
    }

    private func xTicks(_ high: Double) -> [Double] {
        guard xScale == .percentile else { return Self.linearTicks(high, countMax: 10) }
        return [0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999].filter { $0 <= high }
    }

    /// Multiples of 1, 2 or 5 times a power of ten, from 0 to at most `high`.
    static func linearTicks(_ high: Double, countMax: Int) -> [Double] {
        guard high > 0 else { return [0] }
        let raw = high / Double(countMax)
        let magnitude = pow(10, log10(raw).rounded(.down))
        let step = [1.0, 2, 5, 10].map { $0 * magnitude }.first { $0 >= raw } ?? raw
        return (0...countMax).map { Double($0) * step }.filter { $0 <= high * 1.000_001 }
    }

    private static func niceMaximum(_ value: Double) -> Double {
        let ticks = linearTicks(max(value, 1e-9), countMax: 6)
        let step = ticks.count > 1 ? ticks[1] : max(value, 1)
        return (value / step).rounded(.up) * step
    }
}

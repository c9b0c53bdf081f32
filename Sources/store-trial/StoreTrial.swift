@main
struct StoreTrial {
    static func main() {}
}

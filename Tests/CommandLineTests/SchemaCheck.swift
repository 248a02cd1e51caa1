/// Holds JSON against the schemas of docs/schema, by Debian's python3-jsonschema.

#if CLI
import Foundation
import Testing

enum SchemaCheck {
    enum Name: String, CaseIterable { case result, error, doctor, pool, images, languages, judge }

    /// Prints one line for each violation. A key that stands twice in an object is one, too.
    private static let script = """
        import json, sys
        from jsonschema import Draft202012Validator

        def once(pairs):
            keys = [key for key, _ in pairs]
            if len(set(keys)) < len(keys):
                print("a key stands twice:", keys)
            return dict(pairs)

        with open(sys.argv[1]) as file:
            schema = json.load(file, object_pairs_hook=once)
        Draft202012Validator.check_schema(schema)
        validator = Draft202012Validator(schema)
        for number, line in enumerate(sys.stdin.buffer, 1):
            for error in validator.iter_errors(json.loads(line, object_pairs_hook=once)):
                print(f"object {number}, {error.json_path}: {error.message[:500]}")
        """

    /// Debian's Python, which has Debian's modules.
    private static let python = "/usr/bin/python3"

    static let reason: Comment = "python3-jsonschema is not installed; MUST_WORK=1 runs these anyway"

    static let isThere: Bool = {
        if ProcessInfo.processInfo.environment["MUST_WORK"] == "1" { return true }
        return (try? run(["-c", "import jsonschema"], input: []))?.status == 0
    }()

    static func path(_ name: Name) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../docs/schema/\(name.rawValue).json"
        ).standardized.path
    }

    /// - Parameter objects: as the command printed them, each on a line.
    /// - Returns: the violations.
    static func violations(of objects: [[UInt8]], _ name: Name) throws -> [String] {
        let answer = try run(["-c", script, path(name)], input: objects)
        guard answer.status == 0 else { return ["the check itself failed: \(answer.output)"] }
        return answer.output.split(separator: "\n").map(String.init)
    }

    private static func run(_ arguments: [String], input: [[UInt8]]) throws -> (status: Int32, output: String)
    {
        let folder = try ScratchFolder()
        let file = folder.path + "/objects"
        let lines = input.map { $0.last == UInt8(ascii: "\n") ? $0 : $0 + [UInt8(ascii: "\n")] }
        try Data(lines.joined()).write(to: URL(filePath: file))
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = arguments
        let output = Pipe()
        process.standardInput = try FileHandle(forReadingFrom: URL(filePath: file))
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
    }
}
#endif

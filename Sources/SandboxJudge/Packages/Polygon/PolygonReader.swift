/// Reads a package of Polygon: `problem.xml`, with its tests as files.

#if Judge
import SandboxAPI

enum PolygonReader {
    private static let file: ByteString = "problem.xml"

    static func read(_ tree: PackageTree, _ issues: inout IssueList) -> ProblemPackage? {
        guard let text = tree.text(of: file, issues: &issues) else { return nil }
        let problem: XmlElement
        do {
            problem = try XmlText.parse(text)
        } catch {
            issues.error(file, line: error.line, .invalidText, "not XML: \(error.problem)")
            return nil
        }
        guard problem.name == "problem" else {
            issues.error(file, line: problem.line, .invalidValue, "the first element must be problem")
            return nil
        }
        let names = problem["names"]?.all("name") ?? []
        let name = (names.first { $0.attributes["language"] == "english" } ?? names.first)?.attributes[
            "value"]
        var package = ProblemPackage(
            format: .polygon, directory: tree.root,
            name: name ?? problem.attributes["short-name"] ?? tree.root.parts.last?.text ?? "")
        readTests(problem, tree, into: &package, &issues)
        readTools(problem, tree, into: &package, &issues)
        readSolutions(problem, tree, into: &package, &issues)
        return package
    }

    // MARK: Tests

    private static func readTests(
        _ problem: XmlElement, _ tree: PackageTree, into package: inout ProblemPackage,
        _ issues: inout IssueList
    ) {
        guard let judging = problem["judging"] else {
            issues.error(file, line: problem.line, .missingKey, "there is no judging")
            return
        }
        package.inputFileName = judging.attributes["input-file"].flatMap { $0.isEmpty ? nil : $0 }
        package.outputFileName = judging.attributes["output-file"].flatMap { $0.isEmpty ? nil : $0 }
        for name in [package.inputFileName, package.outputFileName].compactMap({ $0 })
        where name.contains("/") || name == "." || name == ".." {
            issues.error(
                file, line: judging.line, .invalidValue, "\(ByteString(name).quoted) is no name of a file")
        }
        let sets = judging.all("testset")
        guard let testset = sets.first(where: { $0.attributes["name"] == "tests" }) ?? sets.first else {
            issues.error(file, line: judging.line, .missingKey, "there is no testset")
            return
        }
        func text(_ name: String) -> String? { testset[name]?.text.filter { !$0.isWhitespace } }
        if let value = text("time-limit").flatMap({ Int($0) }), (1...86_400_000).contains(value) {
            package.limits.time = .milliseconds(value)
        } else {
            issues.error(
                file, line: testset.line, .invalidValue, "time-limit must be milliseconds, 1 to 86400000")
        }
        if let value = text("memory-limit").flatMap({ Int($0) }), (1 << 20...1 << 40).contains(value) {
            package.limits.memory = value
        } else {
            issues.error(
                file, line: testset.line, .invalidValue, "memory-limit must be bytes, 1048576 or more")
        }
        let input = text("input-path-pattern") ?? "tests/%02d"
        let answer = text("answer-path-pattern") ?? "tests/%02d.a"
        let elements = testset["tests"]?.all("test") ?? []
        if elements.isEmpty {
            issues.error(file, line: testset.line, .missingKey, "the testset has no tests")
        }

        var groups: [String: TestGroup] = [:]
        var order: [String] = []
        let descriptions = testset["groups"]?.all("group") ?? []
        package.isScoring = elements.contains { $0.attributes["points"] != nil }
        for (index, element) in elements.enumerated() {
            let group = element.attributes["group"] ?? ""
            if groups[group] == nil {
                order.append(group)
                groups[group] = Self.group(group, descriptions, isScoring: package.isScoring, &issues)
            }
            guard let path = path(input, index + 1), let inputFile = tree.file(path) else {
                issues.error(
                    file, line: element.line, .incompleteTest,
                    "test \(index + 1) has no input file; generators are not run: take a full package")
                continue
            }
            var test = PackageTest(
                name: path.text, input: inputFile,
                answer: Self.path(answer, index + 1).flatMap { tree.file($0) },
                isSample: element.attributes["sample"] == "true")
            if test.answer == nil {
                issues.error(
                    file, line: element.line, .incompleteTest, "test \(index + 1) has no answer file")
            }
            test.points = element.attributes["points"].flatMap(YamlValue.decimal)
            groups[group]?.tests.append(test)
        }
        let known = order.map { groups[$0]! }
        for group in known where !group.requires.allSatisfy({ name in known.contains { $0.name == name } }) {
            issues.error(
                file, line: testset.line, .invalidValue,
                "group \(ByteString(group.name).quoted) depends on one that is not there")
        }
        let grading: Grading = package.isScoring ? .points(PointsGrading(.eachTest, points: nil)) : .allPass
        if order == [""] {
            package.tests = TestGroup(name: "", tests: known[0].tests, grading: grading)
        } else {
            package.tests = TestGroup(name: "", groups: known, grading: grading)
        }
    }

    private static func group(
        _ name: String, _ descriptions: [XmlElement], isScoring: Bool, _ issues: inout IssueList
    ) -> TestGroup {
        let description = descriptions.first { $0.attributes["name"] == name }
        let policy = PointsGrading.Policy(rawValue: description?.attributes["points-policy"] ?? "each-test")
        if policy == nil {
            issues.error(
                file, line: description?.line, .invalidValue,
                "points-policy must be complete-group or each-test")
        }
        let points = description?.attributes["points"].flatMap(YamlValue.decimal)
        let dependencies =
            description?["dependencies"]?.all("dependency").compactMap { $0.attributes["group"] } ?? []
        return TestGroup(
            name: name,
            grading: isScoring ? .points(PointsGrading(policy ?? .eachTest, points: points)) : .allPass,
            requires: dependencies)
    }

    /// The path of a test: `tests/%02d` with its number.
    static func path(_ pattern: String, _ number: Int) -> ByteString? {
        guard let start = pattern.firstIndex(of: "%"), let end = pattern[start...].firstIndex(of: "d") else {
            return nil
        }
        let format = pattern[pattern.index(after: start)..<end]
        guard format.allSatisfy(\.isNumber), let width = format.isEmpty ? 0 : Int(format), width <= 9 else {
            return nil
        }
        let digits = String(number)
        let padding = format.hasPrefix("0") ? String(repeating: "0", count: max(0, width - digits.count)) : ""
        return ByteString(pattern[..<start] + padding + digits + pattern[pattern.index(after: end)...])
    }

    // MARK: Programs

    private static func readTools(
        _ problem: XmlElement, _ tree: PackageTree, into package: inout ProblemPackage,
        _ issues: inout IssueList
    ) {
        let resources = (problem["files"]?["resources"]?.all("file") ?? []).compactMap { element in
            element.attributes["path"].flatMap { path -> PackageFile? in
                var file = tree.file(ByteString(path))
                file?.path = ByteString(path).parts.last ?? ""
                return file
            }
        }
        let assets = problem["assets"]
        func tool(_ element: XmlElement?, _ what: String, _ issues: inout IssueList) -> PackageProgram? {
            guard let element else { return nil }
            return program(element, what, resources, tree, &issues)
        }
        let checker = tool(assets?["checker"], "the checker", &issues)
        if let interactor = tool(assets?["interactor"], "the interactor", &issues) {
            package.isInteractive = true
            package.output = .interactor(interactor, checker: checker)
        } else if let checker {
            package.output = .checker(checker)
        } else if !issues.hasErrors {
            issues.error(file, line: assets?.line ?? problem.line, .missingKey, "there is no checker")
        }
        for element in assets?["validators"]?.all("validator") ?? [] {
            if let validator = tool(element, "a validator", &issues) {
                package.inputValidators.append(validator)
            }
        }
    }

    private static func program(
        _ element: XmlElement, _ what: String, _ resources: [PackageFile], _ tree: PackageTree,
        _ issues: inout IssueList
    ) -> PackageProgram? {
        guard let source = element["source"], let path = source.attributes["path"].map({ ByteString($0) }),
            var main = tree.file(path)
        else {
            issues.error(file, line: element.line, .missingFile, "\(what) has no source file in the package")
            return nil
        }
        main.path = path.parts.last ?? path
        let isHeader: (PackageFile) -> Bool = {
            $0.path.bytes.suffix(2) == [UInt8(ascii: "."), UInt8(ascii: "h")]
        }
        let headers = resources.filter { isHeader($0) && $0.path != main.path }
        return PackageProgram(
            name: main.path.text, path: path, files: [main] + headers,
            language: code(source.attributes["type"] ?? ""), entryPoint: main.path.text)
    }

    /// The package format's code of a language of Polygon; `nil` has the suffix decide.
    private static func code(_ type: String) -> String? {
        if type.hasPrefix("cpp.") { return "cpp" }
        if type.hasPrefix("python.3") || type.hasPrefix("python.pypy3") { return "python3" }
        return nil
    }

    // MARK: Solutions

    private static func readSolutions(
        _ problem: XmlElement, _ tree: PackageTree, into package: inout ProblemPackage,
        _ issues: inout IssueList
    ) {
        for element in problem["assets"]?["solutions"]?.all("solution") ?? [] {
            guard let tag = element.attributes["tag"] else {
                issues.error(file, line: element.line, .missingKey, "a solution has no tag")
                continue
            }
            if tag == "do-not-run" || tag == "not-run" { continue }
            guard let program = program(element, "a solution", [], tree, &issues) else { continue }
            guard let overall = verdicts(tag) else {
                issues.error(
                    file, line: element.line, .invalidValue, "the tag \(ByteString(tag).quoted) is unknown")
                continue
            }
            package.submissions.append(
                PackageSubmission(program: program, expectations: [Expectation(overall: overall)]))
        }
    }

    static func verdicts(_ tag: String) -> Set<Verdict>? {
        switch tag {
        case "main", "accepted": [.accepted]
        case "rejected", "failed": [.wrongAnswer, .timeLimitExceeded, .runtimeError]
        case "wrong-answer", "presentation-error": [.wrongAnswer]
        case "time-limit-exceeded": [.timeLimitExceeded]
        case "time-limit-exceeded-or-accepted": [.timeLimitExceeded, .accepted]
        case "time-limit-exceeded-or-memory-limit-exceeded": [.timeLimitExceeded, .runtimeError]
        case "memory-limit-exceeded", "runtime-error": [.runtimeError]
        default: nil
        }
    }
}
#endif

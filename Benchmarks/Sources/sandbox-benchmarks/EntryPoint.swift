/// The entry: the first argument selects the benchmark.

import Glibc

@main
enum EntryPoint {
    static let usage = """
        usage: sandbox-benchmarks compare|program|python|heap|throughput|batch|phases|talk|docker
          compare     a run against a bare posix_spawn and bubblewrap, interleaved
          program     a program that was built once against one of the image, and one that is written each time; with DOCKER_HOST also in containers
          python      print(42), and numpy where there is one: bare, in a sandbox, and in a warm interpreter
          heap        does the embedder's heap slow a run down?
          throughput  runs per second with 1, 2 and 4 callers
          batch       tests per second of a batch against bare processes with pipes, and go-judge where it is on PATH
          phases      where the time of a run goes
          talk        1,000 rounds of one line each way between two programs; with DOCKER_HOST also in two containers
          docker      the Docker backend against the local one and `docker exec`; DOCKER_HOST names a unix socket
        environment:
          COUNT=N      samples of each kind, ROUNDS=N of throughput and batch
          ONLY=TEXT    only the rows of throughput whose names have it, for a profile
          CHECK=1      compare and talk fail above 3 times bare processes, program above 1.5 times one of the image, docker above 1/40 of `docker exec` or twice the local backend
          MUST_WORK=1  compare fails without bubblewrap, batch without go-judge, python without numpy
        """

    static func main() async {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.count == 1, let name = arguments.first else { fail(usage, status: 2) }
        do {
            switch name {
            case "compare": try await Compare.perform()
            case "program": try await BuiltProgram.perform()
            case "python": try await PythonBench.perform()
            case "heap": try await Heap.perform()
            case "throughput": try await Throughput.perform()
            case "batch": try await BatchBench.perform()
            case "phases": try await Phases.perform()
            case "talk": try await Talk.perform()
            case "docker": try await DockerCompare.perform()
            default: fail(usage, status: 2)
            }
        } catch {
            fail("\(name): \(error)", status: 1)
        }
    }

    private static func fail(_ message: String, status: Int32) -> Never {
        fflush(nil)
        let line = Array((message + "\n").utf8)
        write(STDERR_FILENO, line, line.count)
        exit(status)
    }
}

/// The reason why a benchmark stopped.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

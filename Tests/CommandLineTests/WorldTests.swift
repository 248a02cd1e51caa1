/// The command in unusual environments: in a full cgroup, without executable memory files, killed.

#if CLI
import Foundation
import Testing

extension EndToEnd {
    @Suite(.enabled(if: SandboxProcess.hostWorks, SandboxProcess.reason)) struct Worlds {
        /// Enters a memory cgroup of 100 MiB, runs the command there and removes it.
        private static let inSmallCgroup = """
            own=/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
            dir=$own/sandbox-test-$$
            mkdir "$dir" && echo 100M >"$dir/memory.limit_in_bytes" || exit 77
            (sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$dir" "$@")
            status=$?
            for attempt in 1 2 3 4 5 6 7 8 9 10; do rmdir "$dir" 2>/dev/null && exit $status; sleep 0.1; done
            exit 78
            """

        /// Makes an image of the host's /usr and an /etc with only root as a user, in a mount namespace, and
        /// names it.
        private static func inImage(passwd: String) -> String {
            """
            exec unshare --mount sh -c '
                image=/mnt && mount -t tmpfs image "$image" || exit 77
                mkdir "$image/usr" "$image/etc" && mount --bind /usr "$image/usr" || exit 77
                for name in bin sbin lib lib32 lib64; do test -e /$name && ln -s usr/$name "$image/$name"; done
                printf "\(passwd)" >"$image/etc/passwd" && echo root:x:0: >"$image/etc/group"
                command=$1 how=$2
                shift 2
                "$command" "$how" --image "$image" "$@"' sh "$@"
            """
        }

        /// Programs that look up their user's name find one, whatever the image has.
        @Test(arguments: [
            ("root:x:0:0:root:/root:/bin/sh\\n", "sandbox"), ("", "sandbox"),
            ("root:x:0:0:root:/root:/bin/sh", "sandbox"),
            ("root:x:0:0::/:/bin/sh\\nanna:x:1000:1000:Anna:/home/anna:/bin/sh\\n", "anna"),
        ])
        func theUserHasANameInAnImage(passwd: String, name: String) throws {
            let script =
                "import grp, os, pwd; p = pwd.getpwuid(os.getuid()); print(p.pw_name, p.pw_uid); print(os.listdir('/run')); print(pwd.getpwnam('root').pw_uid if p.pw_name == 'anna' else grp.getgrgid(os.getgid()).gr_name)"
            let run = try SandboxProcess.run(
                ["exec", "--", "/usr/bin/python3", "-c", script], through: Self.inImage(passwd: passwd))
            // The way this is done does not show.
            let last = name == "anna" ? "0" : "sandbox"
            #expect(run.out == "\(name) 1000\n[]\n\(last)\n", "\(run.err)")
            // With a writable root the program's user is root, which is in every image.
            guard passwd.hasPrefix("root") else { return }
            let writable = try SandboxProcess.run(
                ["exec", "--rootfs", "writable", "--", "id", "-un"], through: Self.inImage(passwd: passwd)
            )
            #expect(writable.out == "root\n", "\(writable.err)")
        }

        private static let eater = "x = bytearray(300 << 20)"

        @Test func hostOutOfMemoryIsNotTheProgramsFault() throws {
            let run = try SandboxProcess.run(
                ["exec", "--json", "--memory", "1G", "--", "python3", "-c", Self.eater],
                through: Self.inSmallCgroup)
            #expect(run.status == 125, "\(run.err)")
            #expect(try run.json["error"]?["code"] == "hostOutOfMemory")
            #expect(try run.json["error"]?["hint"]?.text?.isEmpty == false)
        }

        @Test func ownLimitIsStillTheProgramsFault() throws {
            let run = try SandboxProcess.run(
                ["exec", "--memory", "40M", "--", "python3", "-c", Self.eater],
                through: Self.inSmallCgroup)
            #expect(run.status == 123, "\(run.err)")
            #expect(run.err == "sandbox: memory limit exceeded (40 MiB)\n")
        }

        @Test func memoryFilesThatMayNotBeExecuted() throws {
            let run = try SandboxProcess.run(
                ["exec", "--", "echo", "ran"],
                through: """
                    exec unshare --pid --fork --mount-proc sh -c '
                        echo 2 >/proc/sys/vm/memfd_noexec || exit 77
                        "$@" || exit
                        ls /tmp | grep "^isolate-" && exit 78
                        exit 0' sh "$@"
                    """)
            #expect(run.status == 0, "\(run.err)")
            #expect(run.out == "ran\n")
        }

        /// The runtime reads the command line from /proc; without /proc the empty one must not count as a
        /// request for help.
        @Test func withoutProc() throws {
            // Repeated, since code that needs a thread fails only sometimes.
            let run = try SandboxProcess.run(
                ["exec", "--", "true"],
                through: """
                    exec unshare --mount sh -c '
                        umount -l /proc || exit 77
                        for round in 1 2 3 4 5 6 7 8 9; do "$@" 2>/dev/null; test $? = 125 || exit 78; done
                        exec "$@"' sh "$@"
                    """)
            #expect(run.status == 125)
            #expect(run.out == "")
            #expect(
                run.err.hasPrefix("sandbox: ") && run.err.contains("/proc is not mounted"), "\(run.err)")
        }

        @Test func nothingOutlivesAKilledCommand() throws {
            let marker = "8\(getpid())"
            let run = try SandboxProcess.run(
                [
                    "exec", "--wall-time", "50", "--", "sh", "-c",
                    "echo ready; while :; do (sleep \(marker) &); done 2>/dev/null",
                ],
                onOutput: { kill($0, SIGKILL) })
            #expect(run.status == -SIGKILL)
            for _ in 0..<100 where !Self.processes(with: marker).isEmpty { usleep(20_000) }
            #expect(Self.processes(with: marker).isEmpty)
        }

        private static func processes(with marker: String) -> [String] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            return names.filter { name in
                guard Int(name) != nil, name != "\(getpid())" else { return false }
                let line =
                    (try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(name)/cmdline"))) ?? Data()
                return String(decoding: line, as: UTF8.self).contains(marker)
            }
        }
    }
}
#endif

/// Tests the resolution of images' names.

import Foundation
import SandboxAPI
import Testing

@testable import SandboxImages

@Suite("Names of images") struct ImageReferenceTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test func host() async throws {
        #expect(try ImageReference(.host) == .host)
        #expect(try ImageReference(.reference("host")) == .host)
        let image = try await ImageStore(cachePath: "/nowhere").prepare(.host)
        #expect(image.path == "/")
        #expect(image.digest == nil)
        #expect(!image.isUnpacked)
    }

    @Test("A directory is used in place, its links resolved") func directory() async throws {
        let root = try scratch.makeDirectory("root/usr")
        try scratch.run("ln", ["-s", "root", "link"])
        let store = ImageStore(cachePath: "/nowhere")
        let image = try await store.prepare(.reference(scratch.path + "/link/"))
        #expect(image.path + "/usr" == root)
        #expect(!image.isUnpacked)
    }

    @Test(
        "What is no root file system, and what is too much of one",
        arguments: ["empty", "layout", "/", "fifo"])
    func badPlaces(_ name: String) async throws {
        _ = try scratch.makeDirectory("empty")
        _ = try scratch.makeDirectory("layout")
        _ = try scratch.write([1], "layout/oci-layout")
        try scratch.run("mkfifo", ["fifo"])
        let path = name == "/" ? name : scratch.path + "/" + name
        let error = await #expect(throws: SandboxError.self) {
            try await ImageStore(cachePath: "/nowhere").prepare(.reference(path))
        }
        #expect(error?.code == .imageUnavailable)
        #expect(error?.message.contains(path) == true)
        #expect(error?.hint != nil)
        if name == "layout" { #expect(error?.hint?.contains("tar -C") == true) }
    }

    @Test(
        "Names that are not there",
        arguments: [
            ("python:3.12", "docker save"), ("registry.example/a/b@sha256:00", "docker save"),
            ("/no/such", "path"),
            ("./x", "path"), ("image.tar.gz", "path"), ("", nil), ("a\0b", nil),
        ])
    func missing(_ name: String, _ hint: String?) async {
        let error = await #expect(throws: SandboxError.self) {
            try await ImageStore(cachePath: "/nowhere").prepare(.reference(name))
        }
        #expect(error?.code == .imageUnavailable)
        if let hint { #expect(error?.hint?.contains(hint) == true) }
    }

    @Test("A name stays in its folder, split at bytes") func namesInFolders() throws {
        _ = try scratch.makeDirectory("images")
        _ = try scratch.makeDirectory("images/a")
        _ = try scratch.write([1], "images/a/\u{301}b.tar")
        _ = try scratch.write([1], "\u{301}outside.tar")
        let folders = ImageFolders([scratch.path + "/images"])
        #expect(folders.find("a/\u{301}b") == scratch.path + "/images/a/\u{301}b.tar")
        for name in ["../\u{301}outside", "a/../../\u{301}outside", "a/\u{301}/../../../\u{301}outside"] {
            #expect(folders.find(name) == nil, "\(name)")
        }
        #expect(ArchivePath.isPath("/\u{301}x") && ArchivePath.isPath("./\u{301}x"))
        #expect(ArchivePath.imageName("images/\u{301}x.tar") == "\u{301}x")
    }

    @Test("Cleaning up creates no cache") func cleanup() throws {
        let path = scratch.path + "/none"
        #expect(try ImageStore.cleanup(cachePath: path).isEmpty)
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}

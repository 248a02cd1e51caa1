/// Tests the reading and printing of sizes, counts and times.

#if CLI
import Testing

@testable import SandboxCLI

@Suite struct QuantityTests {
    @Test(arguments: [
        ("0", 0), ("1", 1), ("4096", 4096), ("1K", 1024), ("1k", 1024), ("256M", 256 << 20),
        ("2g", 2 << 30),
        ("007", 7), ("9223372036854775807", Int.max), ("8589934591G", 8_589_934_591 << 30),
    ])
    func sizes(text: String, bytes: Int) throws {
        #expect(try ByteSize.parse(text) == bytes)
    }

    @Test(arguments: [
        "", "K", "-1", "+1", "-1K", "1.5M", "1KB", "1KiB", "1 K", " 1", "0x10", "1e6", "1_000", "٣", "1T",
        "M1", "1KK",
    ])
    func malformedSizes(text: String) {
        #expect { try ByteSize.parse(text) } throws: { "\($0)".contains("whole number of bytes") }
    }

    @Test(arguments: ["9223372036854775808", "8589934592G", "99999999999999999999K", "9007199254740992K"])
    func overflowingSizes(text: String) {
        #expect { try ByteSize.parse(text) } throws: { "\($0)" == "the number is too large" }
    }

    @Test func counts() throws {
        #expect(try Count.parse("64") == 64)
        for text in ["0", "-1", "", "1.0", "1K", "many", "99999999999999999999"] {
            #expect(throws: BadValue.self, "\(text)") { try Count.parse(text) }
        }
    }

    @Test func processors() throws {
        for (text, number) in [("1", 1), ("0.5", 0.5), (".25", 0.25), ("64", 64), ("1.50", 1.5)]
            as [(String, Double)]
        {
            #expect(try Processors.parse(text) == number)
        }
        for text in [
            "0", "0.0", "-1", "+1", "", ".", "1.", "1.2.3", "nan", "inf", "1e0", "0x1", "1,5", " 1",
            "all",
        ] {
            #expect(throws: BadValue.self, "\(text)") { try Processors.parse(text) }
        }
    }

    @Test(arguments: [
        ("10", Duration.seconds(10)), ("0.5", .milliseconds(500)), (".25", .milliseconds(250)),
        ("1.000001", .microseconds(1_000_001)), ("86400", .seconds(86_400)),
        ("86400.0", .seconds(86_400)),
        ("0.000000000000000001", Duration(secondsComponent: 0, attosecondsComponent: 1)),
        ("1.0000000000000000019", Duration(secondsComponent: 1, attosecondsComponent: 1)),
        ("00010", .seconds(10)),
    ])
    func times(text: String, duration: Duration) throws {
        #expect(try Seconds.parse(text) == duration)
    }

    @Test(arguments: [
        "", ".", "5.", "-1", "+1", "-0.5", "nan", "NaN", "inf", "infinity", "1e3", "1,5", "1.2.3",
        "0x1p3", "10s",
        " 1",
    ])
    func malformedTimes(text: String) {
        #expect { try Seconds.parse(text) } throws: { "\($0)".contains("number of seconds") }
    }

    @Test func timesOutOfRange() {
        for text in ["0", "0.0", "0.0000000000000000001"] {
            #expect { try Seconds.parse(text) } throws: { "\($0)" == "a time is more than 0 seconds" }
        }
        for text in ["86400.1", "86401", "1000000000000", "99999999999999999999999"] {
            #expect { try Seconds.parse(text) } throws: { "\($0)".contains("at most 86400 seconds") }
        }
    }

    @Test func descriptions() {
        #expect(ByteSize.describe(256 << 20) == "256 MiB")
        #expect(ByteSize.describe(1 << 30) == "1 GiB")
        #expect(ByteSize.describe(1536) == "1536 bytes")
        #expect(ByteSize.describe(1536 << 10) == "1536 KiB")
        #expect(ByteSize.describe(1) == "1 byte")
        #expect(ByteSize.describe(0) == "0 bytes")
        #expect(Seconds.describe(.seconds(10)) == "10 s")
        #expect(Seconds.describe(.milliseconds(500)) == "0.5 s")
        #expect(Seconds.value(.microseconds(1_250_000)) == 1.25)
    }
}
#endif

import Glibc

var words: [Substring] = []
while let line = readLine() { words += line.split(separator: " ") }
switch words[0] {
case "hello": print("hello")
case "sum": print(twice(Int(words[1])! + Int(words[2])!))
case "exit": exit(7)
case "memory":
    var kept: [[UInt8]] = []
    while true { kept.append([UInt8](repeating: 1, count: 1 << 20)) }
case "spin": while true {}
case "threads":
    let parts = await withTaskGroup(of: Int.self) { group in
        for _ in 0..<4 { group.addTask { (0..<100).reduce(0, +) } }
        return await group.reduce(0, +)
    }
    print(parts)
default: break
}

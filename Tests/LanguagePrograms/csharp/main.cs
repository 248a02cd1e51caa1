using System;
using System.Collections.Generic;
using System.Threading;

class Program {
    static int Main() {
        string[] words = Console.In.ReadToEnd().Split(new[] {' ', '\n'});
        switch (words[0]) {
        case "hello": Console.WriteLine("hello"); break;
        case "sum": Console.WriteLine(Other.Twice(long.Parse(words[1]) + long.Parse(words[2]))); break;
        case "exit": return 7;
        case "memory":
            for (var kept = new List<byte[]>();;) {
                var piece = new byte[1 << 20];
                for (int i = 0; i < piece.Length; i += 4096) piece[i] = 1;
                kept.Add(piece);
            }
        case "spin": for (;;) { }
        case "threads":
            long total = 0;
            var threads = new List<Thread>();
            for (int i = 0; i < 4; i++) {
                var thread = new Thread(() => { for (int j = 0; j < 100; j++) Interlocked.Add(ref total, j); });
                thread.Start();
                threads.Add(thread);
            }
            foreach (var thread in threads) thread.Join();
            Console.WriteLine(total);
            break;
        }
        return 0;
    }
}

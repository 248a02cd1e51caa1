const { Worker, isMainThread, parentPort } = require("worker_threads");
const { twice } = require("./twice.js");

if (isMainThread) {
    const [mode, ...rest] = require("fs").readFileSync(0, "utf8").split(/\s+/);
    if (mode === "hello") console.log("hello");
    if (mode === "sum") console.log(twice(Number(rest[0]) + Number(rest[1])));
    if (mode === "exit") process.exit(7);
    if (mode === "memory") for (const kept = [];;) kept.push(new Array(100000).fill(kept.length + 0.5));
    if (mode === "spin") for (;;);
    if (mode === "threads") {
        let total = 0;
        let waiting = 4;
        for (let i = 0; i < 4; i++)
            new Worker(__filename).on("message", (part) => {
                total += part;
                if (--waiting === 0) console.log(total);
            });
    }
} else {
    let part = 0;
    for (let i = 0; i < 100; i++) part += i;
    parentPort.postMessage(part);
}

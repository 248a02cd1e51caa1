mod twice;

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[0] {
        "hello" => println!("hello"),
        "sum" => println!("{}", twice::twice(words[1].parse::<i64>().unwrap() + words[2].parse::<i64>().unwrap())),
        "exit" => std::process::exit(7),
        "memory" => {
            let mut kept = Vec::new();
            loop {
                kept.push(vec![1u8; 1 << 20]);
            }
        }
        "spin" => loop {
            std::hint::spin_loop();
        },
        "threads" => {
            let total = Arc::new(AtomicU64::new(0));
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let total = total.clone();
                    std::thread::spawn(move || (0..100).for_each(|i| { total.fetch_add(i, Ordering::SeqCst); }))
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            println!("{}", total.load(Ordering::SeqCst));
        }
        _ => {}
    }
}

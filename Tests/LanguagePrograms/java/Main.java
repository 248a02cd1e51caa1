package judge;

import java.util.ArrayList;
import java.util.List;
import java.util.Scanner;
import java.util.concurrent.atomic.AtomicLong;

public class Main {
    public static void main(String[] arguments) throws InterruptedException {
        Scanner input = new Scanner(System.in);
        String mode = input.next();
        if (mode.equals("hello")) System.out.println("hello");
        if (mode.equals("sum")) System.out.println(Twice.of(input.nextLong() + input.nextLong()));
        if (mode.equals("exit")) System.exit(7);
        if (mode.equals("memory")) for (List<byte[]> kept = new ArrayList<>();;) kept.add(new byte[1 << 20]);
        if (mode.equals("spin")) for (long i = 0;; i++) if (i == Long.MIN_VALUE) System.out.println(i);
        if (mode.equals("threads")) {
            AtomicLong total = new AtomicLong();
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                Thread thread = new Thread(() -> { for (int j = 0; j < 100; j++) total.addAndGet(j); });
                thread.start();
                threads.add(thread);
            }
            for (Thread thread : threads) thread.join();
            System.out.println(total.get());
        }
    }
}

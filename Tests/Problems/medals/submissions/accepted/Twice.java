import java.util.Scanner;

public class Twice {
    public static void main(String[] arguments) {
        System.out.println(2 * new Scanner(System.in).nextInt());
    }
}

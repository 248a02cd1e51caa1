import java.util.concurrent.atomic.AtomicLong
import kotlin.concurrent.thread
import kotlin.system.exitProcess

fun main() {
    val words = generateSequence(::readLine).joinToString(" ").split(" ")
    when (words[0]) {
        "hello" -> println("hello")
        "sum" -> println(twice(words[1].toLong() + words[2].toLong()))
        "exit" -> exitProcess(7)
        "memory" -> {
            val kept = ArrayList<ByteArray>()
            while (true) kept.add(ByteArray(1 shl 20))
        }
        "spin" -> {
            var i = 0L
            while (true) if (++i < 0) println(i)
        }
        "threads" -> {
            val total = AtomicLong()
            val threads = List(4) { thread { for (i in 0 until 100) total.addAndGet(i.toLong()) } }
            threads.forEach { it.join() }
            println(total.get())
        }
    }
}

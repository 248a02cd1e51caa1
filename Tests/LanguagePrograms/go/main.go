package main

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
)

func main() {
	var mode string
	fmt.Scan(&mode)
	switch mode {
	case "hello":
		fmt.Println("hello")
	case "sum":
		var a, b int64
		fmt.Scan(&a, &b)
		fmt.Println(twice(a + b))
	case "exit":
		os.Exit(7)
	case "memory":
		var kept [][]byte
		for {
			piece := make([]byte, 1<<20)
			for i := range piece {
				piece[i] = 1
			}
			kept = append(kept, piece)
		}
	case "spin":
		for {
		}
	case "threads":
		var total int64
		var group sync.WaitGroup
		for i := 0; i < 4; i++ {
			group.Add(1)
			go func() {
				defer group.Done()
				for j := int64(0); j < 100; j++ {
					atomic.AddInt64(&total, j)
				}
			}()
		}
		group.Wait()
		fmt.Println(total)
	}
}

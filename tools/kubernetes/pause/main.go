// Program pause does nothing until it is told to stop, and reaps the orphans of its process namespace meanwhile.
//
// It is what the image of that name runs, and the first process of a lab's node. As upstream's, it answers -v: kubeadm's
// health-check Job runs "pause -v" and waits for its end.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "-v" {
		fmt.Println("pause.c kubepreflight's lab")
		return
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		reap()
	}
}

// reap ends when no child is left that has ended: signals of one kind may arrive as one.
func reap() {
	for {
		child, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || child <= 0 {
			return
		}
	}
}

//go:build unix

// Command oneshot is the cheapest server that keeps the contract with master:
// it serves one client and exits. It refuses to know more; it exists so that a
// test can have ten thousand children started in seconds.
package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core/wire"
)

func main() {
	generation, ok := wire.ParseGeneration(os.Getenv(wire.GenerationVariable))
	if !ok {
		os.Exit(1)
	}
	for {
		client, _, err := unix.Accept(wire.ListenFD)
		if err == nil {
			serve(client, generation)
			return
		}
		if err != unix.EAGAIN && err != unix.EINTR && err != unix.ECONNABORTED {
			os.Exit(1)
		}
		// Another server was faster. Wait for a client, or for the master to
		// cut us off.
		ready := []unix.PollFd{{Fd: wire.ListenFD, Events: unix.POLLIN}, {Fd: wire.StatusFD, Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err == nil && ready[1].Revents != 0 {
			return
		}
	}
}

// serve reports to the master that we are taken, answers, and leaves.
func serve(client int, generation uint32) {
	report := wire.Message{PID: int32(syscall.Getpid()), Generation: generation, Status: wire.Taken}
	// A failed report means that the master is gone or has cut us off; the
	// client is served all the same.
	_, _ = unix.Write(wire.StatusFD, report.Append(nil))
	if _, err := unix.Write(client, []byte("served\n")); err != nil {
		os.Exit(1)
	}
}

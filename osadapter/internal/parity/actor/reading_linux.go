package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func init() {
	// take N reads N bytes from the latest client, or up to end-of-file: two writes
	// of the other side may arrive in one piece or in two.
	orders["take"] = func(a *actor, w []string) string { return a.take(number(w, 0)) }
}

const takeLimit = 4096

func (a *actor) take(n int) string {
	b := make([]byte, min(n, takeLimit))
	have := 0
	for have < len(b) {
		got, err := unix.Read(a.client(), b[have:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err.Error()
		}
		if got == 0 {
			return fmt.Sprintf("%q and the end", b[:have])
		}
		have += got
	}
	return fmt.Sprintf("%q", b)
}

// hang blocks in the system: the runtime ends a process whose goroutines all
// wait for each other.
func hang() string {
	for {
		_, err := unix.Poll(nil, -1)
		if err != nil && err != unix.EINTR {
			return err.Error()
		}
	}
}

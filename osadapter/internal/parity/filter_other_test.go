//go:build linux && !amd64

package parity

import "sync/atomic"

const (
	askedForks    = "forks"
	noIPv6Sockets = "no IPv6"
)

func noFilter() string { return "filters on system calls are made for amd64 only" }

func (l *launch) setFilter() {}

type forks struct{ refuse atomic.Int64 }

// startAsking exists for machines where noFilter returns "".
func (s *station) startAsking(int64) (*process, *forks) {
	s.stop(noFilter())
	return nil, nil
}

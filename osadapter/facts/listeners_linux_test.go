package facts

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestListenersAreFoundWithTheirHolders(t *testing.T) {
	listen := func(network, address string, v6Only int) netip.AddrPort {
		t.Helper()
		c := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) {
				if network == "tcp6" {
					_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, v6Only)
				}
			})
		}}
		l, err := c.Listen(context.Background(), network, address)
		if err != nil {
			t.Skipf("listen on %s: %v", address, err)
		}
		t.Cleanup(func() { l.Close() })
		return l.Addr().(*net.TCPAddr).AddrPort()
	}
	for _, c := range []struct {
		network, address string
		v6Only           int
		want             bool
	}{{"tcp4", "127.0.0.1:0", 0, false}, {"tcp6", "[::1]:0", 1, true}, {"tcp6", "[::]:0", 0, false}, {"tcp6", "[::]:0", 1, true}} {
		address := listen(c.network, c.address, c.v6Only)
		list, err := Listeners()
		if err != nil {
			t.Skip("the kernel does not say:", err)
		}
		i := slices.IndexFunc(list, func(l Listener) bool { return l.Address == address })
		if i < 0 {
			t.Errorf("%v is not found", address)
			continue
		}
		if l := list[i]; l.IPv6Only != c.want || !slices.Equal(l.PIDs, []int{os.Getpid()}) || l.Program == "" {
			t.Errorf("%v: %+v", address, l)
		}
	}
}

func TestRunningMasterIsThatOfTheLockFile(t *testing.T) {
	queue := t.TempDir()
	if got := RunningMaster(queue); got != 0 {
		t.Errorf("no file: %d", got)
	}
	if err := os.Mkdir(filepath.Join(queue, "pid"), 0o755); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{"       4711\n": 4711, "": 0, "x\n": 0, "-1\n": 0, strconv.Itoa(os.Getpid()): os.Getpid()} {
		if err := os.WriteFile(filepath.Join(queue, "pid/master.pid"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := RunningMaster(queue); got != want {
			t.Errorf("%q: %d", text, got)
		}
	}
}

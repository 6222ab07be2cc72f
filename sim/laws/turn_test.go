package laws

import (
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// What a kernel knows of the daemon is held against the account, by the law that is
// meant and by that law alone as well. What is right passes in TestARightMachineBreaksNoLaw.
func TestWhatTheKernelKnowsBreaksItsLaw(t *testing.T) {
	for _, c := range []struct {
		name, law string
		spoil     func(k *KernelView) bool
	}{
		{"a listener that leaked", "S9", func(k *KernelView) bool {
			k.Listeners = append(k.Listeners, Socket{Endpoint: core.Endpoint{Path: "private/old"}, Type: core.Unix})
			return true
		}},
		{"a listener that is not there", "S9", func(k *KernelView) bool {
			if len(k.Listeners) > 0 {
				k.Listeners = k.Listeners[1:]
				return true
			}
			return false
		}},
		{"a watch that the poll set does not know", "S3", func(k *KernelView) bool {
			for i := range k.Listeners {
				if k.Listeners[i].Polled {
					k.Listeners[i].Polled = false
					return true
				}
			}
			return false
		}},
		{"a poll for a listener that children watch", "S3", func(k *KernelView) bool {
			for i := range k.Listeners {
				if !k.Listeners[i].Polled {
					k.Listeners[i].Polled = true
					return true
				}
			}
			return false
		}},
		{"a channel that nobody hears", "S9", func(k *KernelView) bool {
			for i := range k.Channels {
				k.Channels[i].Polled = false
				return true
			}
			return false
		}},
		{"a channel of nobody", "S9", func(k *KernelView) bool {
			k.Channels = append(k.Channels, Socket{Generation: 1 << 40, Polled: true})
			return true
		}},
		{"a channel that was not cut", "S9", func(k *KernelView) bool {
			open := map[core.Generation]bool{}
			for i := range k.Channels {
				open[k.Channels[i].Generation] = true
			}
			for _, p := range k.Processes {
				if !open[p.Generation] {
					k.Channels = append(k.Channels, Socket{Generation: p.Generation, Polled: true})
					return true
				}
			}
			return false
		}},
		{"a child that is no process", "S4", func(k *KernelView) bool {
			if len(k.Processes) > 0 {
				k.Processes = k.Processes[1:]
				return true
			}
			return false
		}},
		{"a child that is another process", "S4", func(k *KernelView) bool {
			if len(k.Processes) > 0 {
				k.Processes[0].Generation++
				return true
			}
			return false
		}},
	} {
		for _, only := range []string{"", c.law} {
			var b *Breach
			for seed := uint64(0); seed < 200 && b == nil; seed++ {
				w := found(seed, only)
				w.spoil = c.spoil
				b = w.live(600)
			}
			if b == nil || b.Law != c.law {
				t.Errorf("%s: want %s, found %v (only %q)", c.name, c.law, b, only)
			}
		}
	}
}

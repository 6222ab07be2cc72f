package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/stationmaster/stationmaster/core/config/advice"
	"github.com/stationmaster/stationmaster/osadapter/facts"
)

// listening lists the listening sockets of this host, without those of the master
// that runs with this configuration.
func (c *configuration) listening() ([]advice.Listener, error) {
	if c.elsewhere() {
		return nil, errors.New("--ports asks this host who listens; it does not go with --root or --offline")
	}
	found, err := facts.Listeners()
	if err != nil {
		return nil, err
	}
	master := 0
	if c.parameters != nil {
		master = facts.RunningMaster(c.parameters.QueueDirectory())
	}
	nobody := "a program that only root can name (it may be the running master)"
	if os.Geteuid() == 0 {
		nobody = "a program outside of this container or of the kernel"
	}
	list := make([]advice.Listener, 0, len(found))
	for i := range found {
		l := &found[i]
		a := advice.Listener{Address: l.Address, IPv6Only: l.IPv6Only, Own: master > 0 && slices.Contains(l.PIDs, master)}
		if a.Holder = nobody; len(l.PIDs) > 0 {
			a.Holder = fmt.Sprintf("%s (process %d)", printable(l.Program), l.PIDs[0])
		}
		list = append(list, a)
	}
	return list, nil
}

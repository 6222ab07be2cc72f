package main

import (
	"fmt"
	"time"
)

// reports makes children report as fast as they can.
func (b *bench) reports(of side, id string, kind reportKind) error {
	services := fillers(9)
	for i := range kind.services {
		services = append(services, unixService(fmt.Sprintf("r%d", i), "hold", 0))
	}
	address := "unix:public/r0"
	if kind.services > 1 {
		address = "unix:public/r%d"
	}
	s, err := b.addStation(of, services...)
	if err != nil {
		return err
	}
	master, _, err := s.start()
	if err != nil {
		return err
	}
	h, err := b.hold(s.path("q"), address, kind.children)
	if err != nil {
		return err
	}
	if _, err := h.tell("report 20"); err != nil { // warms up
		return err
	}
	if err := master.settle(); err != nil {
		return err
	}
	duration := b.shorter(700*time.Millisecond, 300*time.Millisecond)
	var w words
	cpu, err := master.spent(func() (err error) {
		w, err = h.tell(fmt.Sprintf("report %d", duration.Milliseconds()))
		return err
	})
	if err != nil {
		return err
	}
	b.samples.add(id+"rate", of, w["reports"]/w["seconds"])
	b.samples.add(id+"cpu", of, microseconds(cpu)/w["reports"])
	return h.close()
}

package main

import (
	"fmt"
	"strconv"
	"time"
)

// resting is one of the masters that the last stage watches.
type resting struct {
	of      side
	master  process
	loaded  bool // it started children first
	wakeups float64
	cpu     time.Duration
}

// childStarts is the number of children that a master starts before its memory is
// measured.
const childStarts = 10_000

// rest watches idle masters: some that have just been started, and some that have
// started many children and were reloaded. They all rest at the same time, since
// they use no CPU.
func (b *bench) rest() error {
	var all []*resting
	for round := range b.rounds {
		if b.late(round) {
			b.notes = append(b.notes, fmt.Sprintf("late: stage rest/ has %s only", plural(round, "round")))
			break
		}
		for _, of := range b.sides {
			for _, loaded := range []bool{false, true} {
				if loaded && !b.wants("rest/resident") && !b.wants("rest/private") && !b.wants("rest/after") {
					continue
				}
				if _, err := b.measureYardstick("rest/", of, round); err != nil {
					return err
				}
				r := &resting{of: of, loaded: loaded}
				if err := b.bringToRest(r); err != nil {
					return err
				}
				all = append(all, r)
			}
		}
	}
	for _, r := range all {
		if err := r.look(); err != nil {
			return err
		}
	}
	began := time.Now()
	time.Sleep(b.shorter(30*time.Second, 5*time.Second)) // this is what is measured
	for _, r := range all {
		if err := b.noteRest(r, time.Since(began)); err != nil {
			return err
		}
	}
	return nil
}

// bringToRest starts a master and, if it is a loaded one, loads it.
func (b *bench) bringToRest(r *resting) error {
	s, err := b.addStation(r.of, append(fillers(9), unixService("one", "oneshot", spawnLimit))...)
	if err != nil {
		return err
	}
	if r.master, _, err = s.start(); err != nil || !r.loaded {
		return err
	}
	if _, err := b.load(s.path("q"), "count", "unix:public/one", "8", strconv.Itoa(childStarts)); err != nil {
		return err
	}
	s.services = append(s.services, unixService("new", "oneshot", 1))
	if err := s.write(); err != nil {
		return err
	}
	if _, err := b.load(s.path("q"), "reload", strconv.Itoa(int(r.master)), "unix:public/new"); err != nil {
		return err
	}
	return r.master.settle()
}

func (r *resting) look() (err error) {
	if r.cpu, err = r.master.cpu(); err != nil {
		return err
	}
	r.wakeups, err = r.master.wakeups()
	return err
}

// noteRest records what a master used during the rest.
func (b *bench) noteRest(r *resting, lasted time.Duration) error {
	now := *r
	if err := now.look(); err != nil {
		return err
	}
	wakeups := (now.wakeups - r.wakeups) / lasted.Seconds()
	if !r.loaded {
		b.samples.add("rest/wakeups", r.of, wakeups)
		b.samples.add("rest/cpu", r.of, microseconds(now.cpu-r.cpu)/lasted.Seconds())
		return nil
	}
	resident, anonymous, err := r.master.memory()
	if err != nil {
		return err
	}
	b.samples.add("rest/resident", r.of, resident)
	b.samples.add("rest/private", r.of, anonymous)
	b.samples.add("rest/after", r.of, wakeups)
	return nil
}

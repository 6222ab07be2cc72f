package main

import (
	"fmt"
	"strconv"
	"time"
)

// repeats returns how often a start or a reload of n services is measured in a
// round: small ones vary more and take less time.
func (b *bench) repeats(n int) int {
	switch {
	case n >= 3000:
		return 1
	case n >= 1000:
		return 2
	case b.quick:
		return 3
	}
	return 5
}

// size measures starts and reloads with n services, and the resources that they
// use.
func (b *bench) size(of side, id string, n int) error {
	var walls, cpus []float64
	var s *station
	var master process
	for i := range b.repeats(n) {
		if i > 0 {
			if _, err := master.end(); err != nil {
				return err
			}
		}
		var err error
		var start started
		if s, err = b.addStation(of, fillers(n)...); err != nil {
			return err
		}
		if master, start, err = s.start(); err != nil {
			return err
		}
		walls, cpus = append(walls, milliseconds(start.wall)), append(cpus, milliseconds(start.cpu))
	}
	b.samples.add(id+"start", of, median(walls))
	b.samples.add(id+"startcpu", of, median(cpus))
	resident, anonymous, err := master.memory()
	if err != nil {
		return err
	}
	files, err := master.files()
	if err != nil {
		return err
	}
	b.samples.add(id+"resident", of, resident)
	b.samples.add(id+"private", of, anonymous)
	b.samples.add(id+"files", of, files)
	return b.reloads(of, id, s, master, b.repeats(n))
}

// reloads adds a service several times, and waits until it answers.
func (b *bench) reloads(of side, id string, s *station, master process, times int) error {
	if !b.wants(id + "reload") {
		return nil
	}
	var walls, cpus []float64
	for i := range times {
		name := fmt.Sprintf("new%d", i)
		s.services = append(s.services, unixService(name, "oneshot", 1))
		if err := s.write(); err != nil {
			return err
		}
		var w words
		cpu, err := master.spent(func() (err error) {
			w, err = b.load(s.path("q"), "reload", strconv.Itoa(int(master)), "unix:public/"+name)
			return err
		})
		if err != nil {
			return err
		}
		walls, cpus = append(walls, w["seconds"]*1e3), append(cpus, milliseconds(cpu))
	}
	b.samples.add(id+"reload", of, median(walls))
	b.samples.add(id+"reloadcpu", of, median(cpus))
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

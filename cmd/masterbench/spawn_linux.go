package main

import (
	"fmt"
	"strconv"
	"time"
)

// stages returns all measurements, in order. They are short, so that what is
// compared is measured close together.
func stages() []stage {
	var all []stage
	add := func(run func(b *bench, of side, id string) error, format string, a ...any) {
		id := fmt.Sprintf(format, a...)
		all = append(all, stage{id: id, run: func(b *bench, of side) error { return run(b, of, id) }})
	}
	for _, family := range families {
		for _, c := range concurrency {
			add(func(b *bench, of side, id string) error { return b.spawn(of, id, family, "oneshot", c) }, "spawn/%s/%d/", family, c)
		}
	}
	add(func(b *bench, of side, id string) error { return b.spawn(of, id, "unix", "twice", 8) }, "spawn/twice/8/")
	for _, kind := range reportKinds {
		add(func(b *bench, of side, id string) error { return b.reports(of, id, kind) }, "report/%s/", kind.id)
	}
	for _, n := range serviceSizes {
		add(func(b *bench, of side, id string) error { return b.size(of, id, n) }, "size/%d/", n)
	}
	for _, n := range exitSizes {
		add(func(b *bench, of side, id string) error { return b.exits(of, id, n) }, "exit/%d/", n)
	}
	add((*bench).crowd, "crowd/")
	add((*bench).wide, "wide/")
	return append(all, stage{id: "rest/", once: (*bench).rest})
}

// spawnLimit is the process limit of the measured service.
const spawnLimit = 200

// spawn measures connections that are each served by a child of its own.
func (b *bench) spawn(of side, id, family, mode string, c int) error {
	service, address := unixService("one", mode, spawnLimit), "unix:public/one"
	if family == "inet" {
		service, address = inetService(mode, spawnLimit), "inet:"+strconv.Itoa(port)
	}
	s, err := b.addStation(of, append(fillers(9), service)...)
	if err != nil {
		return err
	}
	master, _, err := s.start()
	if err != nil {
		return err
	}
	cost, err := b.storm(s, master, address, c, 0)
	if err != nil {
		return err
	}
	cost.record(b, of, id)
	return nil
}

// A cost is the cost per connection.
type cost struct {
	rate, first, master, both float64 // 1/s, then microseconds
}

func (c *cost) record(b *bench, of side, id string) {
	b.samples.add(id+"rate", of, c.rate)
	b.samples.add(id+"first", of, c.first)
	b.samples.add(id+"master", of, c.master)
	b.samples.add(id+"both", of, c.both)
}

// storm makes c clients connect repeatedly to a master that has started some
// children already. It ends the master: only then does the kernel report the exact
// CPU time of reaped children.
func (b *bench) storm(s *station, master process, address string, c, children int) (cost, error) {
	const warmUp = 100
	earlier, err := master.cpu()
	if err != nil {
		return cost{}, err
	}
	if _, err := b.load(s.path("q"), "count", address, strconv.Itoa(c), strconv.Itoa(warmUp)); err != nil {
		return cost{}, err
	}
	duration := b.shorter(time.Second, 400*time.Millisecond)
	w, err := b.load(s.path("q"), "connect", address, strconv.Itoa(c), strconv.FormatInt(duration.Milliseconds(), 10))
	if err != nil {
		return cost{}, err
	}
	if err := master.settle(); err != nil {
		return cost{}, err
	}
	own, err := master.cpu()
	if err != nil {
		return cost{}, err
	}
	total, err := master.end()
	if err != nil {
		return cost{}, err
	}
	n := w["connections"] + warmUp
	// Children started ahead of their clients would look fast. A few more children
	// than clients are acceptable: two may be started for one client.
	if starts := w["generation"] - float64(children); starts > n*1.1+10 {
		return cost{}, fmt.Errorf("%.0f children were started for %.0f connections", starts, n)
	}
	each := func(d time.Duration) float64 { return microseconds(d) / n }
	return cost{w["connections"] / w["seconds"], w["median_us"], each(own - earlier), each(total - earlier)}, nil
}

// addStation creates a station that is removed with the measurement.
func (b *bench) addStation(of side, services ...string) (*station, error) {
	s, err := b.newStation(of, services...)
	if s != nil {
		b.stations = append(b.stations, s)
	}
	return s, err
}

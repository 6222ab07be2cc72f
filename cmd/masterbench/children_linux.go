package main

// exits makes n children die at the same moment, several times. The figures of a
// round are the medians of the times, and the CPU time of all deaths divided by
// their number: it varies by a factor of ten between mass exits, and the median of
// a few is unstable.
func (b *bench) exits(of side, id string, n int) error {
	var all [4][]float64
	for range b.exitRepeats(n) {
		figures, err := b.exitOnce(of, n)
		if err != nil {
			return err
		}
		for i, figure := range figures {
			all[i] = append(all[i], figure)
		}
	}
	b.samples.add(id+"growth", of, median(all[0]))
	b.samples.add(id+"growthcpu", of, mean(all[1]))
	b.samples.add(id+"wall", of, median(all[2]))
	b.samples.add(id+"cpu", of, mean(all[3]))
	return nil
}

// exitRepeats returns the number of mass exits in a round: one takes a moment, and
// its cost for either master varies by a factor of five or more with the timing of
// the deaths.
func (b *bench) exitRepeats(n int) int {
	repeats := 21
	switch {
	case n >= 3000:
		repeats = 5
	case n >= 1000:
		repeats = 9
	}
	if b.quick {
		return repeats/2 + 1
	}
	return repeats
}

// exitOnce returns the time and the CPU time of a start, in microseconds, the time
// until all children have ended, in milliseconds, and the CPU time per child, in
// microseconds.
func (b *bench) exitOnce(of side, n int) (figures [4]float64, err error) {
	s, err := b.addStation(of, append(fillers(9), unixService("hold", "hold", 0))...)
	if err != nil {
		return figures, err
	}
	master, _, err := s.start()
	if err != nil {
		return figures, err
	}
	var h *holder
	growth, err := master.spent(func() (err error) {
		h, err = b.hold(s.path("q"), "unix:public/hold", n)
		return err
	})
	if err != nil {
		return figures, err
	}
	var w words
	end, err := master.spent(func() (err error) {
		w, err = h.tell("exit")
		return err
	})
	if err != nil {
		return figures, err
	}
	each := func(us float64) float64 { return us / float64(n) }
	figures = [4]float64{
		each(h.seconds * 1e6), each(microseconds(growth)),
		w["seconds"] * 1e3, each(microseconds(end)),
	}
	return figures, h.close()
}

// crowd measures one-shot connections while many children of another service are
// idle.
func (b *bench) crowd(of side, id string) error {
	s, err := b.addStation(of, append(fillers(8), unixService("hold", "hold", 0), unixService("one", "oneshot", spawnLimit))...)
	if err != nil {
		return err
	}
	master, _, err := s.start()
	if err != nil {
		return err
	}
	h, err := b.hold(s.path("q"), "unix:public/hold", crowdSize)
	if err != nil {
		return err
	}
	if _, err := h.tell("idle"); err != nil {
		return err
	}
	if err := master.settle(); err != nil {
		return err
	}
	c, err := b.storm(s, master, "unix:public/one", 1, crowdSize)
	if err != nil {
		return err
	}
	c.record(b, of, id)
	return h.close()
}

// wide measures one-shot connections to one of many services.
func (b *bench) wide(of side, id string) error {
	s, err := b.addStation(of, append(fillers(wideSize), unixService("one", "oneshot", spawnLimit))...)
	if err != nil {
		return err
	}
	master, _, err := s.start()
	if err != nil {
		return err
	}
	c, err := b.storm(s, master, "unix:public/one", 1, 0)
	if err != nil {
		return err
	}
	c.record(b, of, id)
	return nil
}

package explore

import "math/bits"

// process is what there is of one child, outside the machine. Children stand
// in the order in which the machine lists them.
type process uint32

// The phases of a child.
const (
	phaseNone     process = iota
	phaseAsked            // StartChild is out, nothing was done yet
	phaseIdle             // waits for a client; this includes its start-up
	phaseAccepted         // has accepted, and has not reported it yet
	phaseServing          // has reported taken
	phaseZombie           // ended, not reaped
	phaseMask     process = 7
)

// How a zombie ended.
const (
	endedWell   = iota // exit 0
	endedBadly         // exit 1
	endedByTERM        // by SIGTERM, of whomever
	endedByKILL        // by SIGKILL
)

// The bits of a process.
const (
	endShift          = 3 // 2 bits
	bitTold   process = 1 << 5
	bitCut    process = 1 << 6  // the master cut its channel
	bitTERM   process = 1 << 7  // the master sent SIGTERM
	bitKILL   process = 1 << 8  // the master sent SIGKILL
	bitBusy   process = 1 << 9  // the reports that were delivered say: busy
	bitServed process = 1 << 10 // they said available after that
	bitHungUp process = 1 << 11 // the end of its channel was told
	bitReused process = 1 << 12 // its pid was another's before; kept until the start is answered
	bitDeaf   process = 1 << 13 // it closed its own end of the channel
	bitHung   process = 1 << 14 // it does nothing any more, and ignores SIGTERM

	queueShift  = 16 // 2 bits for each report, the oldest lowest
	listenShift = 20 // 3 bits: the place whose listener it shares, plus one; 0: none
)

// Reports in a channel.
const (
	reportNone = iota
	reportTaken
	reportAvailable
	reportFalse
)

func (p process) phase() process           { return p & phaseMask }
func (p process) in(phase process) process { return p&^phaseMask | phase }
func (p process) end() int                 { return int(p >> endShift & 3) }
func (p process) has(bit process) bool     { return p&bit != 0 }
func (p process) alive() bool              { return p.phase() >= phaseIdle && p.phase() <= phaseServing }

func (p process) client() bool { return p.phase() == phaseAccepted || p.phase() == phaseServing }

// dead makes it a zombie; its client is gone, and it shares nothing any more.
func (p process) dead(end int) process {
	return p.in(phaseZombie)&^(3<<endShift|7<<listenShift|bitDeaf|bitHung) | process(end)<<endShift
}

func (p process) queue() process { return p >> queueShift & 15 }
func (p process) first() int     { return int(p >> queueShift & 3) }
func (p process) full() bool     { return p>>(queueShift+2)&3 != 0 }

func (p process) push(report process) process {
	if p.first() == reportNone {
		return p | report<<queueShift
	}
	return p | report<<(queueShift+2)
}

func (p process) pop() process  { return p&^(15<<queueShift) | p.queue()>>2<<queueShift }
func (p process) lose() process { return p &^ (15 << queueShift) }

// listener is the place whose listener the child shares, or -1.
func (p process) listener() int { return int(p>>listenShift&7) - 1 }

func (p process) listening(place int) process {
	return p&^(7<<listenShift) | process(place+1)<<listenShift
}

// place is the listener of one service of the machine, in its order.
type place uint16

const (
	waitingMask place = 3
	placeOpen   place = 1 << 2
	placeAsked  place = 1 << 3 // OpenListener is not answered
	placeAside  place = 1 << 4 // another service's file was set aside for it
	placeWatch  place = 1 << 5 // the master asked to be told when it is ready
)

func (p place) waiting() int       { return int(p & waitingMask) }
func (p place) has(bit place) bool { return p&bit != 0 }

// state is one situation of a world: a value without pointers.
type state struct {
	processes [maxChildren]process
	places    [maxPlaces]place
	wakeups   [maxWakeups]wakeup
	loading   bool  // LoadConfig is not answered
	again     bool  // a hangup came during a reload
	faults    uint8 // left
	reloads   uint8 // left
	used      uint8 // how many pids were ever in use at once
	exited    bool
	machine   uint32 // number of the machine's situation
}

// wakeup is one request under way: how far it is, and the place it goes to.
type wakeup uint8

const (
	wakeupAsked wakeup = 1 // not answered
	wakeupSent  wakeup = 2
	wakeupMask  wakeup = 3
)

func (w wakeup) place() int           { return int(w >> 2) }
func (w wakeup) sentTo(at int) wakeup { return w&wakeupMask | wakeup(at)<<2 }

const (
	mix1 = 0x9e3779b97f4a7c15
	mix2 = 0xd6e8feb86659fd93
)

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// hash mixes the situation of the world with that of the machine, which is
// known by its own hash: numbers of machines depend on the order of discovery.
func (s *state) hash(machine uint64) uint64 {
	a := uint64(s.processes[0]) | uint64(s.processes[1])<<32
	b := uint64(s.processes[2]) | uint64(s.processes[3])<<32
	c := uint64(s.processes[4]) | uint64(s.processes[5])<<32
	d := uint64(s.places[0]) | uint64(s.places[1])<<16 | uint64(s.places[2])<<32 | uint64(s.places[3])<<48
	e := uint64(s.places[4]) | uint64(s.places[5])<<16 | uint64(s.wakeups[0])<<32 | uint64(s.wakeups[1])<<40 |
		uint64(s.wakeups[2])<<48
	f := uint64(s.faults) | uint64(s.reloads)<<8 | uint64(s.used)<<16
	if s.loading {
		f |= 1 << 24
	}
	if s.exited {
		f |= 1 << 25
	}
	if s.again {
		f |= 1 << 26
	}
	h := fold(a^mix1, b^machine^0x589965cc75374cc3)
	h = fold(h^c^mix2, d^0xa0761d6478bd642f)
	h = fold(h^e^mix1, f^machine^0xe7037ed1a0b428db)
	return fold(h^machine, mix2)
}

// hashBytes is for the machine's situation.
func hashBytes(b []byte) uint64 {
	h := uint64(len(b)) * mix1
	for len(b) >= 8 {
		w := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		h = fold(h^w, mix2)
		b = b[8:]
	}
	var w uint64
	for i, x := range b {
		w |= uint64(x) << (8 * i)
	}
	return fold(fold(h^w^mix1, mix2), mix1)
}

// clients counts the connections, waiting and served.
func (s *state) clients() int {
	n := 0
	for _, p := range s.places {
		n += p.waiting()
	}
	for _, p := range s.processes {
		if p.client() {
			n++
		}
	}
	return n
}

// living counts the pids in use.
func (s *state) living() int {
	n := 0
	for _, p := range s.processes {
		if p.phase() >= phaseIdle {
			n++
		}
	}
	return n
}

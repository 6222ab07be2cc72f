package layout

import "math/bits"

// Process is what there is of one child, outside the machine. Children stand
// in the order in which the machine lists them.
type Process uint32

// The phases of a child.
const (
	phaseNone     Process = iota
	PhaseAsked            // StartChild is out, nothing was done yet
	PhaseIdle             // waits for a client; this includes its start-up
	PhaseAccepted         // has accepted, and has not reported it yet
	PhaseServing          // has reported taken
	PhaseZombie           // ended, not reaped
	phaseMask     Process = 7
)

// How a zombie ended.
const (
	EndedWell   = iota // exit 0
	EndedBadly         // exit 1
	EndedByTERM        // by SIGTERM, of whomever
	EndedByKILL        // by SIGKILL
)

// The bits of a process.
const (
	endShift          = 3 // 2 bits
	BitTold   Process = 1 << 5
	BitCut    Process = 1 << 6  // the master cut its channel
	BitTERM   Process = 1 << 7  // the master sent SIGTERM
	BitKILL   Process = 1 << 8  // the master sent SIGKILL
	BitBusy   Process = 1 << 9  // the reports that were delivered say: busy
	BitServed Process = 1 << 10 // they said available after that
	BitHungUp Process = 1 << 11 // the end of its channel was told
	BitReused Process = 1 << 12 // its pid was another's before; kept until the start is answered
	BitDeaf   Process = 1 << 13 // it closed its own end of the channel
	BitHung   Process = 1 << 14 // it does nothing any more, and ignores SIGTERM

	queueShift  = 16 // 2 bits for each report, the oldest lowest
	listenShift = 20 // 3 bits: the place whose listener it shares, plus one; 0: none
)

// Reports in a channel.
const (
	ReportNone = iota
	ReportTaken
	ReportAvailable
	ReportFalse
)

func (p Process) Phase() Process           { return p & phaseMask }
func (p Process) In(phase Process) Process { return p&^phaseMask | phase }
func (p Process) End() int                 { return int(p >> endShift & 3) }
func (p Process) Has(bit Process) bool     { return p&bit != 0 }
func (p Process) Alive() bool              { return p.Phase() >= PhaseIdle && p.Phase() <= PhaseServing }

func (p Process) client() bool { return p.Phase() == PhaseAccepted || p.Phase() == PhaseServing }

// Dead makes it a zombie; its client is gone, and it shares nothing any more.
func (p Process) Dead(end int) Process {
	return p.In(PhaseZombie)&^(3<<endShift|7<<listenShift|BitDeaf|BitHung) | Process(end)<<endShift
}

func (p Process) Queue() Process { return p >> queueShift & 15 }
func (p Process) First() int     { return int(p >> queueShift & 3) }
func (p Process) Full() bool     { return p>>(queueShift+2)&3 != 0 }

func (p Process) Push(report Process) Process {
	if p.First() == ReportNone {
		return p | report<<queueShift
	}
	return p | report<<(queueShift+2)
}

func (p Process) Pop() Process  { return p&^(15<<queueShift) | p.Queue()>>2<<queueShift }
func (p Process) Lose() Process { return p &^ (15 << queueShift) }

// Listener is the place whose listener the child shares, or -1.
func (p Process) Listener() int { return int(p>>listenShift&7) - 1 }

func (p Process) Listening(place int) Process {
	return p&^(7<<listenShift) | Process(place+1)<<listenShift
}

// Place is the listener of one service of the machine, in its order.
type Place uint16

const (
	WaitingMask Place = 3
	PlaceOpen   Place = 1 << 2
	PlaceAsked  Place = 1 << 3 // OpenListener is not answered
	PlaceAside  Place = 1 << 4 // another service's file was set aside for it
	PlaceWatch  Place = 1 << 5 // the master asked to be told when it is ready
)

func (p Place) Waiting() int       { return int(p & WaitingMask) }
func (p Place) Has(bit Place) bool { return p&bit != 0 }

// State is one situation of a world: a value without pointers.
type State struct {
	Processes [MaxChildren]Process
	Places    [MaxPlaces]Place
	Wakeups   [MaxWakeups]Wakeup
	Loading   bool  // LoadConfig is not answered
	Again     bool  // a hangup came during a reload
	Faults    uint8 // left
	Reloads   uint8 // left
	Used      uint8 // how many pids were ever in use at once
	Exited    bool
	Machine   uint32 // number of the machine's situation
}

// Wakeup is one request under way: how far it is, and the place it goes to.
type Wakeup uint8

const (
	WakeupAsked Wakeup = 1 // not answered
	WakeupSent  Wakeup = 2
	WakeupMask  Wakeup = 3
)

func (w Wakeup) Place() int           { return int(w >> 2) }
func (w Wakeup) SentTo(at int) Wakeup { return w&WakeupMask | Wakeup(at)<<2 }

const (
	mix1 = 0x9e3779b97f4a7c15
	mix2 = 0xd6e8feb86659fd93
)

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// Hash mixes the situation of the world with that of the machine, which is
// known by its own hash: numbers of machines depend on the order of discovery.
func (s *State) Hash(machine uint64) uint64 {
	a := uint64(s.Processes[0]) | uint64(s.Processes[1])<<32
	b := uint64(s.Processes[2]) | uint64(s.Processes[3])<<32
	c := uint64(s.Processes[4]) | uint64(s.Processes[5])<<32
	d := uint64(s.Places[0]) | uint64(s.Places[1])<<16 | uint64(s.Places[2])<<32 | uint64(s.Places[3])<<48
	e := uint64(s.Places[4]) | uint64(s.Places[5])<<16 | uint64(s.Wakeups[0])<<32 | uint64(s.Wakeups[1])<<40 |
		uint64(s.Wakeups[2])<<48
	f := uint64(s.Faults) | uint64(s.Reloads)<<8 | uint64(s.Used)<<16
	if s.Loading {
		f |= 1 << 24
	}
	if s.Exited {
		f |= 1 << 25
	}
	if s.Again {
		f |= 1 << 26
	}
	h := fold(a^mix1, b^machine^0x589965cc75374cc3)
	h = fold(h^c^mix2, d^0xa0761d6478bd642f)
	h = fold(h^e^mix1, f^machine^0xe7037ed1a0b428db)
	return fold(h^machine, mix2)
}

// HashBytes is for the machine's situation.
func HashBytes(b []byte) uint64 {
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

// Clients counts the connections, waiting and served.
func (s *State) Clients() int {
	n := 0
	for _, p := range s.Places {
		n += p.Waiting()
	}
	for _, p := range s.Processes {
		if p.client() {
			n++
		}
	}
	return n
}

// Living counts the pids in use.
func (s *State) Living() int {
	n := 0
	for _, p := range s.Processes {
		if p.Phase() >= PhaseIdle {
			n++
		}
	}
	return n
}

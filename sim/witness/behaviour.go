package witness

// Behaviour is how a child lives, drawn at its birth (spec child, 9, and more).
type Behaviour uint8

// The behaviours.
const (
	Good       Behaviour = iota
	SlowStart            // long until its first use
	DieEarly             // dies before first use; an exec that fails late looks the same
	ExitEarly            // exits 0 before first use
	DieBusy              // dies in a session
	Silent               // never accepts, never reports
	TakenFirst           // reports taken before it accepts
	Liar                 // its messages tell of others
	Garbage              // writes nonsense now and then
	Drain                // forks in a session and leaves
	DeafTerm             // ignores SIGTERM
	DeafCut              // ignores the closed status channel
	Hog                  // holds a client for hours
	Closer               // closes its status channel and lives on
	SlowTerm             // takes seconds over SIGTERM, then exits 0
	DieIdle              // dies after a session, when it has told of its end
	Mute                 // serves and never reports
	NoProgram            // its program is missing: exit 1 after a second, as the original's children do
	NumBehaviours
)

var behaviourNames = [NumBehaviours]string{
	Good: "good", SlowStart: "slow-start", DieEarly: "die-early", ExitEarly: "exit-early", DieBusy: "die-busy",
	Silent: "silent", TakenFirst: "taken-first", Liar: "liar", Garbage: "garbage", Drain: "drain",
	DeafTerm: "deaf-term", DeafCut: "deaf-cut", Hog: "hog", Closer: "closer", SlowTerm: "slow-term",
	DieIdle: "die-idle", Mute: "mute", NoProgram: "no-program",
}

// String returns the word of traces.
func (b Behaviour) String() string {
	if b < NumBehaviours {
		return behaviourNames[b]
	}
	return "unknown"
}

package kernel

// Dice give a world its choices: the same seed, the same choices. 0 is always
// the quiet way, which nil dice choose.
type Dice struct {
	state uint64
	draw  func(n uint32) uint32 // instead of the state
	spent bool                  // draw has panicked: whoever draws wants the world to end there
}

// NewDice gives the dice of a seed.
func NewDice(seed uint64) *Dice { return &Dice{state: seed} }

// Drawn gives dice whose every choice, from 0 to n-1, is drawn elsewhere.
func Drawn(draw func(n uint32) uint32) *Dice { return &Dice{draw: draw} }

// next is splitmix64.
func (d *Dice) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below chooses a number from 0 to n-1.
func (d *Dice) below(n uint32) uint32 {
	if d == nil || n <= 1 {
		return 0
	}
	if d.draw != nil {
		d.spent = true
		drawn := d.draw(n)
		d.spent = false
		return drawn
	}
	return uint32(d.next()>>32) % n
}

// chance is true in perMille of 1000 cases.
func (d *Dice) chance(perMille uint32) bool {
	return d != nil && perMille > 0 && d.below(1000) >= 1000-perMille
}

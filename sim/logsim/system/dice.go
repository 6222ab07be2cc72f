package system

// Dice returns the choices of a seed: a generator by Steele, Lea and Flood (splitmix64).
func Dice(seed uint64) Choose {
	state := seed * 0x9E3779B97F4A7C15
	return func(n uint32) uint32 {
		if n <= 1 {
			return 0
		}
		state += 0x9E3779B97F4A7C15
		z := state
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		return uint32((z >> 32) * uint64(n) >> 32)
	}
}

// Choose returns a number below n. Where it always returns 0, nothing goes wrong.
type Choose func(n uint32) uint32

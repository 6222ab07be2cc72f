package advice

import "strconv"

// cNumber returns the value that the original takes digits for: cut to 32 bits
// as C's atoi does. exact is false when it is another number than is written.
func cNumber(digits string) (value int64, exact bool) {
	n, err := strconv.ParseInt(digits, 10, 64) // what does not fit is the largest number
	value = int64(int32(n))
	return value, err == nil && value == n
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

package logs

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxText is how many bytes of a text are logged, after its level prefix.
const maxText = 2000

// maxLine bounds a line that another process wrote.
const maxLine = maxText + 512

// appendPriority adds "<PRI>".
func appendPriority(dst []byte, facility uint8, level Level) []byte {
	dst = append(dst, '<')
	dst = strconv.AppendInt(dst, int64(facility)*8+int64(level.priority()), 10)
	return append(dst, '>')
}

// appendPrintable adds text in a form that cannot harm a log: control
// characters and bytes that are not valid UTF-8 become '?'; without unicode
// every byte beyond ASCII does. What is beyond size bytes is cut off, never inside
// a character.
func appendPrintable(dst []byte, text string, size int, unicode bool) []byte {
	end := len(dst) + size
	for i := 0; i < len(text) && len(dst) < end; {
		c := text[i]
		switch {
		case c >= ' ' && c < 0x7f:
			dst = append(dst, c)
			i++
		case c < utf8.RuneSelf || !unicode:
			dst = append(dst, '?')
			i++
		default:
			r, size := utf8.DecodeRuneInString(text[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(dst, '?')
				i++
				continue
			}
			if len(dst)+size > end {
				return dst
			}
			dst = append(dst, text[i:i+size]...)
			i += size
		}
	}
	return dst
}

// tagOf builds "NAME/PROCESS[PID]: ".
func tagOf(name string, origin Origin) string {
	tag := appendPrintable(nil, name+"/"+origin.Process, maxText, true)
	return string(tag) + "[" + strconv.Itoa(origin.PID) + "]: "
}

// firstLabel is a host name up to its first dot.
func firstLabel(host string) string {
	host, _, _ = strings.Cut(host, ".")
	return string(appendPrintable(nil, host, maxText, true))
}

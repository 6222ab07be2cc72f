package child

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Attribute is a name and value that came with a passed connection.
type Attribute struct{ Name, Value string }

// Conn is a client's connection. Reads go through one buffer, that of Reader. The
// library closes the connection when the server's function is done with the client.
type Conn struct {
	net.Conn
	// Attributes came with the connection on a pass service, in order.
	Attributes []Attribute
	reader     *bufio.Reader
}

func newConn(c net.Conn) *Conn { return &Conn{Conn: c, reader: bufio.NewReader(c)} }

// Read reads from the client.
func (c *Conn) Read(b []byte) (int, error) { return c.reader.Read(b) }

// Reader returns the buffer that all reading goes through.
func (c *Conn) Reader() *bufio.Reader { return c.reader }

// Attribute returns the first attribute with the name, or "".
func (c *Conn) Attribute(name string) string {
	for _, a := range c.Attributes {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// connFrom returns a connection that owns the descriptor. A descriptor that is not
// a socket (a passed pipe) is read and written as a file.
func connFrom(fd int) (*Conn, error) {
	f := os.NewFile(uintptr(fd), "client")
	if f == nil {
		return nil, unix.EBADF
	}
	c, err := net.FileConn(f)
	if err == nil {
		_ = f.Close() // FileConn has duplicated it
		return newConn(c), nil
	}
	_ = f.Close()
	return nil, fmt.Errorf("client descriptor: %w", err)
}

// fileConn makes a connection of a pair of files: a passed pipe, or standard input
// and output.
type fileConn struct{ in, out *os.File }

// fileAddr is the address of a connection without one.
type fileAddr struct{}

func (fileAddr) Network() string { return "file" }
func (fileAddr) String() string  { return "unknown" }

func (c fileConn) Read(b []byte) (int, error)  { return c.in.Read(b) }
func (c fileConn) Write(b []byte) (int, error) { return c.out.Write(b) }

func (c fileConn) Close() error {
	err := c.in.Close()
	if c.out != c.in {
		if e := c.out.Close(); err == nil {
			err = e
		}
	}
	return err
}

func (c fileConn) LocalAddr() net.Addr  { return fileAddr{} }
func (c fileConn) RemoteAddr() net.Addr { return fileAddr{} }

func (c fileConn) SetReadDeadline(t time.Time) error  { return c.in.SetReadDeadline(t) }
func (c fileConn) SetWriteDeadline(t time.Time) error { return c.out.SetWriteDeadline(t) }

func (c fileConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

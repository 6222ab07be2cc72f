#include "textflag.h"

// The texts that open(2) is given.
DATA statusPath<>+0(SB)/8, $"/proc/se"
DATA statusPath<>+8(SB)/8, $"lf/statu"
DATA statusPath<>+16(SB)/1, $"s"
GLOBL statusPath<>(SB), RODATA|NOPTR, $24

DATA limitsPath<>+0(SB)/8, $"/proc/se"
DATA limitsPath<>+8(SB)/8, $"lf/limit"
DATA limitsPath<>+16(SB)/1, $"s"
GLOBL limitsPath<>(SB), RODATA|NOPTR, $24

// entry is where the kernel starts the program (linker flag -E). The Go runtime
// changes handlers, limits and descriptors before main begins, so what was given
// is written down here first. The stack pointer stays as the kernel set it: the
// runtime's own entry reads the arguments from there.
TEXT ·entry(SB),NOSPLIT|NOFRAME,$0
	LEAQ statusPath<>(SB), DI
	XORL SI, SI            // O_RDONLY
	XORL DX, DX
	MOVL $2, AX            // open
	SYSCALL
	MOVQ AX, DI
	LEAQ ·statusText(SB), SI
	MOVL $4096, DX
	XORL AX, AX            // read
	SYSCALL
	MOVQ AX, ·statusLength(SB)
	MOVL $3, AX            // close
	SYSCALL

	LEAQ limitsPath<>(SB), DI
	XORL SI, SI
	XORL DX, DX
	MOVL $2, AX            // open
	SYSCALL
	MOVQ AX, DI
	LEAQ ·limitsText(SB), SI
	MOVL $4096, DX
	XORL AX, AX            // read
	SYSCALL
	MOVQ AX, ·limitsLength(SB)
	MOVL $3, AX            // close
	SYSCALL

	LEAQ ·descriptorFlags(SB), R8
	XORQ DI, DI
descriptors:
	MOVL $1, SI            // F_GETFD
	XORL DX, DX
	MOVL $72, AX           // fcntl
	SYSCALL
	MOVB AX, (R8)(DI*1)
	INCQ DI
	CMPQ DI, $128
	JLT  descriptors

	MOVB $1, ·entered(SB)
	JMP  _rt0_amd64_linux(SB)

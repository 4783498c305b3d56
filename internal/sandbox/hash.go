package sandbox

// Everything about a generated payout follows from a 64-bit hash of the seed and the payout's number. The mixing function
// is splitmix64's finaliser: fast, and a bijection, so that an id or a reference can be turned back into its number
// without an index.

const golden = 0x9e3779b97f4a7c15

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// unmix is the inverse of mix.
func unmix(z uint64) uint64 {
	z = (z ^ z>>31 ^ z>>62) * 0x319642b2d24d8ec3
	z = (z ^ z>>27 ^ z>>54) * 0x96de1b173f119089
	return z ^ z>>30 ^ z>>60
}

// Each use of a hash draws with a salt of its own, so that no two properties of a payout are related.
const (
	saltRow uint64 = iota + 1
	saltID
	saltIDHead
	saltRef
	saltRefTail
	saltMember
	saltLife
	saltDelay
	saltCurrency
	saltAmount
	saltAmountForm
	saltCreditor
	saltText
	saltBank
	saltOwner
	saltStatus
	saltBare
	saltVanish
	saltFlip
	saltTime
	saltEntry
	saltShuffle
	saltPlants
	saltCursor
	saltTrace
	saltError
	saltTorn
	saltReset
	saltSlow
	saltLost
	saltLatency
)

func draw(h, salt uint64) uint64 { return mix(h + salt*golden) }

// oneIn reports whether a draw falls on the one of n. Zero is never.
func oneIn(n int, h, salt uint64) bool { return n > 0 && draw(h, salt)%uint64(n) == 0 }

const (
	base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// appendDigits58 appends x in width base58 digits; eleven hold any uint64.
func appendDigits58(dst []byte, x uint64, width int) []byte {
	var b [11]byte
	for i := width - 1; i >= 0; i-- {
		b[i] = base58[x%58]
		x /= 58
	}
	return append(dst, b[:width]...)
}

// appendDigits62 appends x in width base62 digits; eleven hold any uint64.
func appendDigits62(dst []byte, x uint64, width int) []byte {
	var b [11]byte
	for i := width - 1; i >= 0; i-- {
		b[i] = base62[x%62]
		x /= 62
	}
	return append(dst, b[:width]...)
}

// readDigits reads what the append functions write. Text that is too large wraps: callers write the number again and
// compare.
func readDigits(text, alphabet string) (x uint64, ok bool) {
	for i := range len(text) {
		d := -1
		for j := range len(alphabet) {
			if alphabet[j] == text[i] {
				d = j
				break
			}
		}
		if d < 0 {
			return 0, false
		}
		x = x*uint64(len(alphabet)) + uint64(d)
	}
	return x, true
}

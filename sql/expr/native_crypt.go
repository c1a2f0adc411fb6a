package expr

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"strings"

	//lint:ignore SA1019 what bcrypt is made of
	"golang.org/x/crypto/blowfish"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// crypt(password, setting) of pgcrypto: the setting, which gen_salt makes, says which hash it is.

// The alphabets in which hashes are written: bcrypt's, and that of all others.
const (
	bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	cryptAlphabet  = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

var bcryptEncoding = base64.NewEncoding(bcryptAlphabet).WithPadding(base64.NoPadding)

var errSalt = pgerr.New(pgerr.InvalidParameterValue, "invalid salt")

func crypt(password, setting string) (string, error) {
	switch {
	case len(setting) < 3:
		return "", errSalt
	case strings.HasPrefix(setting, "$2a$"):
		return bcrypt(password, setting)
	case strings.HasPrefix(setting, "$2x$"):
		return "", pgerr.NotSupported("crypt with $2x$")
	case strings.HasPrefix(setting, "$2$"):
		return "", pgerr.New(pgerr.ExternalRoutineInvocationException, "crypt(3) returned NULL")
	case strings.HasPrefix(setting, "$1$"):
		return md5Crypt(password, setting), nil
	}
	return "", pgerr.NotSupported("crypt with DES")
}

// newSalt is gen_salt; rounds 0 are the default ones.
func newSalt(kind string, rounds int64) (types.Datum, error) {
	bad := pgerr.New(pgerr.InvalidParameterValue, "gen_salt: Incorrect number of rounds")
	switch strings.ToLower(kind) {
	case "bf":
		if rounds == 0 {
			rounds = 6
		}
		if rounds < 4 || rounds > 31 {
			return types.Null, bad
		}
		b, err := randomBytes(16)
		return types.NewString(fmt.Sprintf("$2a$%02d$", rounds) + bcryptEncoding.EncodeToString(b)), err
	case "md5":
		if rounds != 0 && rounds != 1000 {
			return types.Null, bad
		}
		b, err := randomBytes(6)
		if err != nil {
			return types.Null, err
		}
		return types.NewString("$1$" + cryptText(b[0], b[1], b[2], 4) + cryptText(b[3], b[4], b[5], 4)), nil
	case "des", "xdes":
		return types.Null, pgerr.NotSupported("gen_salt with DES")
	}
	return types.Null, pgerr.New(pgerr.InvalidParameterValue, "gen_salt: Unknown salt algorithm")
}

// cryptText writes three bytes, the first one lowest, in n characters of the alphabet, the lowest bits first.
func cryptText(a, b, c byte, n int) string {
	v := uint32(a) | uint32(b)<<8 | uint32(c)<<16
	out := make([]byte, n)
	for i := range out {
		out[i] = cryptAlphabet[v&63]
		v >>= 6
	}
	return string(out)
}

// bcrypt hashes with Blowfish: setting is $2a$, two digits of cost, $ and a salt of 22 characters.
func bcrypt(password, setting string) (string, error) {
	if len(setting) < 29 || setting[6] != '$' {
		return "", errSalt
	}
	cost := int(setting[4]-'0')*10 + int(setting[5]-'0')
	if setting[4] < '0' || setting[4] > '3' || setting[5] < '0' || setting[5] > '9' || cost < 4 || cost > 31 {
		return "", errSalt
	}
	salt, err := bcryptEncoding.DecodeString(setting[7:29])
	if err != nil {
		return "", errSalt
	}
	key := append([]byte(password), 0)
	c, err := blowfish.NewSaltedCipher(key, salt)
	if err != nil {
		return "", errSalt
	}
	for range uint64(1) << cost {
		blowfish.ExpandKey(key, c)
		blowfish.ExpandKey(salt, c)
	}
	text := []byte("OrpheanBeholderScryDoubt")
	for at := 0; at < len(text); at += 8 {
		for range 64 {
			c.Encrypt(text[at:at+8], text[at:at+8])
		}
	}
	return setting[:7] + bcryptEncoding.EncodeToString(salt) + bcryptEncoding.EncodeToString(text[:23]), nil
}

// md5Crypt is FreeBSD's hash with MD5: setting is $1$ and up to eight characters of salt.
func md5Crypt(password, setting string) string {
	salt, _, _ := strings.Cut(setting[3:], "$")
	salt = salt[:min(8, len(salt))]
	alt := md5.Sum([]byte(password + salt + password))
	h := md5.New()
	h.Write([]byte(password + "$1$" + salt))
	for n := len(password); n > 0; n -= 16 {
		h.Write(alt[:min(16, n)])
	}
	for n := len(password); n > 0; n >>= 1 {
		if n&1 != 0 {
			h.Write([]byte{0})
		} else {
			h.Write([]byte(password[:1]))
		}
	}
	sum := h.Sum(nil)
	for i := range 1000 {
		h.Reset()
		if i&1 != 0 {
			h.Write([]byte(password))
		} else {
			h.Write(sum)
		}
		if i%3 != 0 {
			h.Write([]byte(salt))
		}
		if i%7 != 0 {
			h.Write([]byte(password))
		}
		if i&1 != 0 {
			h.Write(sum)
		} else {
			h.Write([]byte(password))
		}
		sum = h.Sum(sum[:0])
	}
	out := "$1$" + salt + "$"
	for i := range 4 {
		out += cryptText(sum[i+12], sum[i+6], sum[i], 4)
	}
	return out + cryptText(sum[5], sum[10], sum[4], 4) + cryptText(sum[11], 0, 0, 2)
}

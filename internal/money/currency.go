package money

import "strings"

// The digits after the point that ISO 4217 gives each code that does not have two (list one, maintained by SIX; codes
// added since, such as SLE, VES, VED, ZWG and XCG, have two). Four is also what this package can hold.
var otherDigits = map[string]int{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0,
	"UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
	"CLF": 4, "UYW": 4,
}

// The active codes of ISO 4217 list one that are money, three letters each.
const twoDigits = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK " +
	"DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP " +
	"MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS " +
	"UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"

// Digits returns how many decimals the currency has: 2 for EUR, 0 for JPY, 3 for KWD. A code it does not know has 2.
func Digits(currency string) int {
	if d, ok := otherDigits[currency]; ok {
		return d
	}
	return 2
}

// Known reports whether currency is an active ISO 4217 code in capital letters.
func Known(currency string) bool {
	if len(currency) != 3 || strings.Contains(currency, " ") {
		return false
	}
	_, ok := otherDigits[currency]
	return ok || strings.Contains(twoDigits, currency)
}

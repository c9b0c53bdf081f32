import Bytes
import Credentials
import SASL
import Testing

@Suite struct TokenTests {
    private static let secret = Array("0123456789abcdef0123456789abcdef".utf8)
    private static let rules = WebTokenRules(issuer: "https://issuer.example", audience: "chat")
    private static let now: Int64 = 1_800_000_000
    private static let good =
        #"{"iss":"https://issuer.example","aud":"chat","sub":"ada","nbf":1799999000,"exp":1800003600}"#

    private static func keySet(_ text: String) throws -> KeySet { try KeySet(Array(text.utf8)) }

    private static func secretSet() throws -> KeySet {
        try keySet(#"{"keys":[{"kty":"oct","kid":"1","alg":"HS256","k":""# + Base64.url.text(of: secret) + #""}]}"#)
    }

    private static func token(_ claims: String, header: String = #"{"alg":"HS256","typ":"JWT"}"#, key: [UInt8] = secret) -> String {
        let signed = Base64.url.text(of: Array(header.utf8)) + "." + Base64.url.text(of: Array(claims.utf8))
        return signed + "." + Base64.url.text(of: Digests.hmac(key: key, Array(signed.utf8)))
    }

    private static func judge(_ token: String, _ keys: KeySet) throws -> Result<(subject: String, expiresAt: Int64), TokenRefusal> {
        keys.judge(try WebToken(token), rules, now: now)
    }

    @Test func aGoodTokenIsAccepted() throws {
        for header in [#"{"alg":"HS256"}"#, #"{"alg":"HS256","kid":"1"}"#, #"{"alg":"HS256","typ":"at+jwt"}"#] {
            let result = try Self.judge(Self.token(Self.good, header: header), Self.secretSet()).get()
            #expect(result.subject == "ada" && result.expiresAt == 1_800_003_600)
        }
        let list = Self.good.replacing(#""chat""#, with: #"["mail","chat"]"#)
        #expect(try Self.judge(Self.token(list), Self.secretSet()).get().subject == "ada")
    }

    @Test(arguments: [
        (#""exp":1800003600"#, #""exp":1799999940"#, WebTokenRules.Refusal.expired), (#""exp":1800003600"#, #""exq":1"#, .malformed),
        (#""exp":1800003600"#, #""exp":"1800003600""#, .malformed), (#""exp":1800003600"#, #""exp":9223372036854775807"#, .malformed),
        (#""nbf":1799999000"#, #""nbf":1800000061"#, .notYetValid), (#""nbf":1799999000,"#, "", .malformed),
        (#""iss":"https://issuer.example""#, #""iss":"https://issuer.example/""#, .issuer),
        (#""iss":"https://issuer.example","#, "", .issuer),
        (#""aud":"chat""#, #""aud":"chats""#, .audience), (#""aud":"chat""#, #""aud":["mail"]"#, .audience),
        (#""aud":"chat","#, "", .audience),
        (#""sub":"ada","#, "", .subject), (#""sub":"ada""#, #""sub":"""#, .subject), (#""sub":"ada""#, #""sub":7"#, .subject),
    ])
    func aClaimThatDoesNotHoldIsRefused(of old: String, with new: String, refusal: WebTokenRules.Refusal) throws {
        let claims = Self.good.replacing(old, with: new)
        #expect(claims != Self.good)
        guard case .failure(.claims(refusal)) = try Self.judge(Self.token(claims), Self.secretSet()) else {
            Issue.record("\(claims) is not refused for \(refusal)")
            return
        }
    }

    @Test func clocksMayBeAMinuteApart() throws {
        for (old, new) in [(#""exp":1800003600"#, #""exp":1799999941"#), (#""nbf":1799999000"#, #""nbf":1800000060"#)] {
            #expect(try Self.judge(Self.token(Self.good.replacing(old, with: new)), Self.secretSet()).get().subject == "ada")
        }
    }

    @Test(arguments: [
        #"{"alg":"none"}"#, #"{"alg":"None"}"#, #"{"alg":"HS512"}"#, #"{"alg":"hs256"}"#, "{}", #"{"alg":"HS256","crit":["exp"]}"#,
        #"{"alg":"HS256","crit":[]}"#, #"{"alg":"HS256","b64":false}"#, #"{"alg":"HS256","alg":"HS256"}"#, #"{"alg":"HS256","typ":"JWE"}"#,
        #"{"alg":"HS256","kid":7}"#, "[]", "x",
    ])
    func anotherHeaderIsNotEvenRead(header: String) {
        #expect(throws: SASLError.self) { try WebToken(Self.token(Self.good, header: header)) }
    }

    @Test func whatIsNoTokenIsNotRead() {
        let token = Self.token(Self.good)
        let parts = token.split(separator: ".").map(String.init)
        let list = Base64.url.text(of: Array("[]".utf8))
        let texts: [String] = [
            "", ".", "..", "a.b.c", "\(parts[0]).\(parts[1])", "\(parts[0]).\(parts[1]).", "\(token).\(parts[2])", token + "=",
            "\(parts[0]).\(list).\(parts[2])", token + String(repeating: "A", count: 6_144),
        ]
        for text in texts {
            #expect(throws: SASLError.self) { try WebToken(text) }
        }
    }

    @Test func aSignatureByAnotherKeyIsNone() throws {
        for token in [
            Self.token(Self.good, key: Array("0123456789abcdef0123456789abcdeF".utf8)),
            Self.token(Self.good, header: #"{"alg":"HS256","kid":"2"}"#),
        ] {
            guard case .failure(.signature) = try Self.judge(token, Self.secretSet()) else {
                Issue.record("accepted")
                return
            }
        }
    }

    @Test func aPublicKeyIsNoSecret() throws {
        let keys = try Self.keySet(Self.rsaSet)
        // Who takes the public key for the secret of HS256 would accept these.
        for key in [Array(Self.rsaSet.utf8), Array("AQAB".utf8), Self.secret] {
            guard case .failure(.signature) = try Self.judge(Self.token(Self.good, key: key), keys) else {
                Issue.record("accepted")
                return
            }
        }
    }

    // MARK: Vectors of RFC 7515, appendix A, and RFC 8037, appendix A.4

    private static let payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    private static let rsaSet = #"""
        {"keys":[{"kty":"RSA","use":"sig","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"},
         {"kty":"RSA","use":"enc","n":"AQAB","e":"AQAB"}]}
        """#

    @Test(arguments: [
        (
            #"{"keys":[{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}]}"#,
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + payload, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        ),
        (
            rsaSet, "eyJhbGciOiJSUzI1NiJ9." + payload,
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        ),
        (
            #"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#,
            "eyJhbGciOiJFUzI1NiJ9." + payload, "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        ),
        (
            #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        ),
    ])
    func signaturesOfTheRFCs(keys: String, signed: String, signature: String) throws {
        let key = try #require(try Self.keySet(keys).keys.first)
        let octets = try #require(Base64.url.octets(in: signature))
        #expect(key.verifies(octets, of: Array(signed.utf8)))
        #expect(!key.verifies(octets, of: Array((signed + "A").utf8)))
        var changed = octets
        changed[changed.count / 2] ^= 1
        #expect(!key.verifies(changed, of: Array(signed.utf8)))
        #expect(!key.verifies(Array(octets.dropLast()), of: Array(signed.utf8)) && !key.verifies([], of: Array(signed.utf8)))
    }

    @Test(arguments: [
        "", "{}", #"{"keys":[]}"#, #"{"keys":[{"kty":"oct","k":"c2hvcnQ"}]}"#, #"{"keys":[{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}]}"#,
        #"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}"#,
        #"{"keys":[{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
        #"{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"HS256","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
        #"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}]}"#,
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    ])
    func aFaultyKeySetIsRefused(text: String) {
        #expect(throws: KeySet.Fault.self) { try Self.keySet(text) }
    }
}

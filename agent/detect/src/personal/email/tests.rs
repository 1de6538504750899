use super::super::tests::check;
use crate::Class;

#[test]
fn addresses_are_found() {
    check(
        Class::Email,
        &[
            ("Mail jane.doe+news@example.com, please.", &["jane.doe+news@example.com"]),
            ("<jane@mail.example.co.uk>", &["jane@mail.example.co.uk"]),
            ("müller@bücher.example", &["müller@bücher.example"]),
            ("用户@例子.中国", &["用户@例子.中国"]),
            ("メールは山田@例え.jpまで", &["山田@例え.jp"]),
            ("メールはjane@example.comです。", &["jane@example.com"]),
            ("почта: иван@пример.рф", &["иван@пример.рф"]),
            ("\"john smith\"@example.org", &["\"john smith\"@example.org"]),
            ("o'brien@example.ie", &["o'brien@example.ie"]),
            ("user@xn--bcher-kva.xn--p1ai", &["user@xn--bcher-kva.xn--p1ai"]),
            ("jane [at] example [dot] com", &["jane [at] example [dot] com"]),
            ("jane(at)example.com", &["jane(at)example.com"]),
            ("jane@[192.0.2.1]", &["jane@[192.0.2.1]"]),
            ("jane@example.com.Then it", &["jane@example.com"]),
            ("mailto:jane@example.com?subject=x", &["jane@example.com"]),
            ("[a@b.io](mailto:a@b.io)", &["a@b.io", "a@b.io"]),
            ("JANE@EXAMPLE.COM", &["JANE@EXAMPLE.COM"]),
            ("jane＠example.com", &["jane＠example.com"]),
            ("...jane@example.com...", &["jane@example.com"]),
            ("**_jane@example.com_**", &["_jane@example.com"]),
            ("jane@example.com(work)", &["jane@example.com"]),
            ("a@b.com;c@d.com", &["a@b.com", "c@d.com"]),
            ("jane_doe-x@sub-domain.example.museum", &["jane_doe-x@sub-domain.example.museum"]),
        ],
    );
}

#[test]
fn look_alikes_stay() {
    check(
        Class::Email,
        &[
            ("@decorator", &[]),
            // Escapes are undone elsewhere.
            ("jane%40example.com jane\\u0040example.com jane&#64;example.com", &[]),
            ("@app.route('/')", &[]),
            ("user@2x.png", &[]),
            ("logo@2x.png", &[]),
            ("npm i @scope/pkg@1.2.3", &[]),
            ("uses: actions/checkout@v4.1.1", &[]),
            ("git@github.com:org/repo.git", &[]),
            ("ssh://git@github.com/org/repo", &[]),
            ("https://user:secret@host.example.com/x", &[]),
            ("scp a backup@host.example.com:/srv", &[]),
            ("https://$USER:$TOKEN@git.example.com/x.git", &[]),
            ("a@b", &[]),
            ("root@localhost", &[]),
            ("x@.com", &[]),
            ("a@b..com", &[]),
            ("W@x.transpose(1)", &[]),
            ("getty@tty1.service", &[]),
            ("see (at) the.end", &["see (at) the.end"]),
            ("chacha20-poly1305@openssh.com", &[]),
            ("@@@@", &[]),
            ("meet @ 5.30 pm", &[]),
        ],
    );
}

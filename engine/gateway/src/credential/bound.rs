//! To whom the credentials of a cloud may be shown where no operator has said where requests go: to that cloud. An adapter
//! that comes from elsewhere must not be handed one for a host of its own.

use hyper::Uri;
use mux_plugins::AuthScheme;

/// Whether all places are the cloud's whose credentials these are.
///
/// # Errors
/// One is not, in words that follow the name of a target.
pub(crate) fn bound<'p>(
    scheme: &AuthScheme,
    places: impl Iterator<Item = &'p str>,
) -> Result<(), String> {
    let (cloud, domains): (_, &[&str]) = match scheme {
        AuthScheme::AwsSigV4 { .. } => ("AWS", &["amazonaws.com", "amazonaws.com.cn", "api.aws"]),
        AuthScheme::GoogleAccount(_) => ("Google", &["googleapis.com"]),
        AuthScheme::Entra(_) => ("Entra", &["azure.com", "azure.us", "azure.cn"]),
        _ => return Ok(()),
    };
    for place in places {
        let uri: Option<Uri> = place.parse().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
        let within = |domain: &&str| {
            let below = host.strip_suffix(*domain);
            below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
        };
        let safe = uri.as_ref().and_then(Uri::scheme_str) == Some("https");
        if !safe || !domains.iter().any(within) {
            return Err(format!(
                "would show a credential of {cloud}'s to `{host}`; write that `url` in the provider if it is meant"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_credential_is_shown_to_its_cloud_alone() {
        let google = AuthScheme::GoogleAccount(Vec::new());
        let check = |places: &[&str]| bound(&google, places.iter().copied());
        assert_eq!(
            check(&[
                "https://europe-west4-aiplatform.googleapis.com/v1",
                "https://googleapis.com"
            ]),
            Ok(())
        );
        for elsewhere in [
            "https://evil.example/v1",
            "https://googleapis.com.evil.example",
            "https://evilgoogleapis.com",
            "http://aiplatform.googleapis.com",
            "https://evil.example/.googleapis.com",
            "",
        ] {
            let why = check(&["https://aiplatform.googleapis.com", elsewhere]).unwrap_err();
            assert!(why.contains("Google"), "{why}");
        }
        assert_eq!(
            bound(&AuthScheme::Bearer, ["https://any.example"].into_iter()),
            Ok(())
        );
    }
}

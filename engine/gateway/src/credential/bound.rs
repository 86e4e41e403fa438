//! To whom the credentials of a cloud may be shown where no operator has said where requests go: to the services of that
//! cloud that answer for models. An adapter that comes from elsewhere must not be handed one for a host of its own, and
//! below a cloud's domain there are hosts of its customers: buckets, applications, clusters.

use hyper::Uri;
use mux_plugins::AuthScheme;

/// Whether all places are services for models of the cloud whose credentials these are.
///
/// # Errors
/// One is not, in words that follow the name of a target.
pub(crate) fn bound<'p>(
    scheme: &AuthScheme,
    places: impl Iterator<Item = &'p str>,
) -> Result<(), String> {
    let (cloud, known): (_, fn(&str) -> bool) = match scheme {
        AuthScheme::AwsSigV4 { .. } => ("AWS", aws),
        AuthScheme::GoogleAccount(_) => ("Google", google),
        AuthScheme::Entra(_) => ("Entra", entra),
        _ => return Ok(()),
    };
    for place in places {
        let uri: Option<Uri> = place.parse().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
        let host = host.to_ascii_lowercase();
        let safe = uri.as_ref().and_then(Uri::scheme_str) == Some("https");
        if !safe || !known(&host) {
            return Err(format!(
                "would show a credential of {cloud}'s to `{host}`; write that `url` in the provider if it is meant"
            ));
        }
    }
    Ok(())
}

/// Bedrock in a region, by all of its names and in all partitions.
fn aws(host: &str) -> bool {
    const DOMAINS: [&str; 3] = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];
    const SERVICES: [&str; 5] = [
        "bedrock",
        "bedrock-fips",
        "bedrock-runtime",
        "bedrock-runtime-fips",
        "bedrock-mantle",
    ];
    let mut below = DOMAINS
        .iter()
        .filter_map(|domain| host.strip_suffix(domain));
    let parts = below.next().and_then(|below| below.split_once('.'));
    parts.is_some_and(|(service, region)| SERVICES.contains(&service) && is_region(region))
}

/// Whether a word is a region of Amazon's, such as `us-gov-west-1`: a bucket of anybody's may be called `bedrock-runtime`.
fn is_region(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match parts.as_slice() {
        [area, middle @ .., last] => {
            (2..=4).contains(&area.len())
                && letters(area)
                && !middle.is_empty()
                && middle.iter().all(letters)
                && number(last)
        }
        _ => false,
    }
}

/// Vertex AI, everywhere and in a place, and the Gemini API.
fn google(host: &str) -> bool {
    let Some(below) = host.strip_suffix(".googleapis.com") else {
        return false;
    };
    let placed = |service: &str| service == "aiplatform" || service.ends_with("-aiplatform");
    match below.split_once('.') {
        None => placed(below) || below == "generativelanguage",
        Some((service, place)) => {
            service == "aiplatform"
                && place
                    .strip_suffix(".rep")
                    .is_some_and(|place| !place.contains('.'))
        }
    }
}

/// Azure's services for models, in the open cloud and in those of states.
fn entra(host: &str) -> bool {
    const SERVICES: [&str; 3] = ["openai", "cognitiveservices", "services.ai"];
    let mut below = [".azure.com", ".azure.us", ".azure.cn"]
        .iter()
        .filter_map(|domain| host.strip_suffix(domain));
    below.next().is_some_and(|below| {
        SERVICES.iter().any(|service| {
            let resource = below.strip_suffix(service);
            resource.is_some_and(|r| r.is_empty() || r.ends_with('.'))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn shown(scheme: &AuthScheme, good: &[&str], elsewhere: &[&str]) {
        for place in good {
            assert_eq!(bound(scheme, [*place].into_iter()), Ok(()), "{place}");
        }
        for place in elsewhere {
            let places = [good[0], place].into_iter();
            let why = bound(scheme, places).expect_err(place);
            assert!(why.contains("would show a credential"), "{why}");
        }
    }

    #[test]
    fn a_credential_of_googles_is_shown_to_its_models_alone() {
        shown(
            &AuthScheme::GoogleAccount(Vec::new()),
            &[
                "https://europe-west4-aiplatform.googleapis.com/v1",
                "https://aiplatform.googleapis.com",
                "https://aiplatform.eu.rep.googleapis.com/v1",
                "https://generativelanguage.googleapis.com/v1beta",
            ],
            &[
                "https://googleapis.com",
                "https://storage.googleapis.com/bucket",
                "https://evil-aiplatform.storage.googleapis.com",
                "https://aiplatform.storage.googleapis.com",
                "https://aiplatform.x.y.rep.googleapis.com",
                "https://evilaiplatform.googleapis.com",
                "https://evil.example/v1",
                "https://aiplatform.googleapis.com.evil.example",
                "https://evilgoogleapis.com",
                "http://aiplatform.googleapis.com",
                "https://evil.example/aiplatform.googleapis.com",
                "",
            ],
        );
    }

    #[test]
    fn a_token_of_entra_is_shown_to_azures_models_and_to_no_host_of_a_customer() {
        shown(
            &AuthScheme::Entra(String::new()),
            &[
                "https://here.openai.azure.com/openai",
                "https://HERE.openai.azure.com",
                "https://here.cognitiveservices.azure.com",
                "https://here.services.ai.azure.com/models",
                "https://here.openai.azure.us",
                "https://here.cognitiveservices.azure.us",
                "https://here.openai.azure.cn",
            ],
            &[
                "https://evil.azure.com",
                "https://evil.westeurope.cloudapp.azure.com",
                "https://openai.westeurope.cloudapp.azure.com",
                "https://evilopenai.azure.com",
                "https://openai.azure.com.evil.example",
                "https://here.openai.azure.example",
                "http://here.openai.azure.com",
            ],
        );
    }

    #[test]
    fn a_key_of_amazons_is_shown_to_bedrock_in_a_region() {
        let scheme = AuthScheme::AwsSigV4 {
            service: "bedrock".to_owned(),
            region: "eu-central-1".to_owned(),
        };
        shown(
            &scheme,
            &[
                "https://bedrock-runtime.eu-central-1.amazonaws.com",
                "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
                "https://bedrock.us-east-1.amazonaws.com",
                "https://bedrock-runtime.cn-north-1.amazonaws.com.cn",
                "https://bedrock-runtime.us-east-1.api.aws",
                "https://bedrock-mantle.us-east-1.api.aws/v1",
            ],
            &[
                "https://evil.s3.amazonaws.com",
                "https://bedrock-runtime.s3.amazonaws.com",
                "https://bedrock-runtime.s3-us-west-2.amazonaws.com",
                "https://bedrock-runtime.s3.us-west-2.amazonaws.com",
                "https://bedrock-runtime.evil.s3.amazonaws.com",
                "https://abc.execute-api.us-east-1.amazonaws.com",
                "https://evil-bedrock-runtime.us-east-1.amazonaws.com",
                "https://bedrock-runtime.us-east-1.amazonaws.com.evil.example",
                "https://bedrock-runtime.amazonaws.com",
            ],
        );
    }

    #[test]
    fn a_plain_key_is_the_operators_own_business() {
        assert_eq!(
            bound(&AuthScheme::Bearer, ["https://any.example"].into_iter()),
            Ok(())
        );
    }
}

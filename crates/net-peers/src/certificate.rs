//! Certificates of one run.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::site::Site;

/// What the certificate is for.
pub(crate) const HOST: &str = "localhost";

/// The files of a server.
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Where the certificate of who signed is.
pub(crate) fn authority(site: &Site) -> PathBuf {
    site.folder.join("ca.pem")
}

/// A certificate for this host, signed by one that lies beside it.
pub(crate) fn make(site: &Site) -> Result<Files, String> {
    let failed = |error: rcgen::Error| format!("a certificate: {error}");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().map_err(failed)?).map_err(failed)?;
    let key = KeyPair::generate().map_err(failed)?;
    let params = CertificateParams::new(vec![HOST.to_owned()]).map_err(failed)?;
    let server = params.signed_by(&key, &authority).map_err(failed)?;
    site.write("ca.pem", &authority.pem())?;
    Ok(Files {
        certificate: site.write("cert.pem", &server.pem())?,
        key: site.write("key.pem", &key.serialize_pem())?,
    })
}

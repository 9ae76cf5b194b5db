"""Validates the seal of a PDF with pyhanko, and prints what it finds as JSON.

validate.py ROOT.pem FILE.pdf    ROOT.pem is the one trusted authority, of seals and of timestamps
"""

import asyncio
import json
import sys
from datetime import timedelta

from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.ades import ades_basic_validation, ades_with_time_validation
from pyhanko.sign.validation.policy_decl import SignatureValidationSpec
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.policy_decl import NO_REVOCATION, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager


async def main(root_file, pdf_file):
    root = load_cert_from_pemder(root_file)
    with open(pdf_file, "rb") as pdf:
        reader = PdfFileReader(pdf)
        [seal] = reader.embedded_signatures
        context = ValidationContext(trust_roots=[root], allow_fetching=False)
        status = await async_validate_pdf_signature(seal, context)
        policy = CertValidationPolicySpec(
            trust_manager=SimpleTrustManager.build([root]),
            revinfo_policy=CertRevTrustPolicy(NO_REVOCATION),
            time_tolerance=timedelta(seconds=5),
        )
        spec = SignatureValidationSpec(cert_validation_policy=policy, ts_cert_validation_policy=policy)
        data, digest = seal.signed_data, seal.compute_digest()
        basic = await ades_basic_validation(data, spec, raw_digest=digest)
        timed = await ades_with_time_validation(data, spec, raw_digest=digest)
        stamp = status.timestamp_validity
        print(
            json.dumps(
                {
                    "intact": status.intact,
                    "valid": status.valid,
                    "trusted": status.trusted,
                    "bottom_line": status.bottom_line,
                    "coverage": status.coverage.name,
                    "modification": status.modification_level and status.modification_level.name,
                    "ades_basic": str(basic.ades_subindic),
                    "ades_with_time": str(timed.ades_subindic),
                    "subfilter": seal.sig_object["/SubFilter"],
                    "claimed": seal.self_reported_timestamp.isoformat(),
                    "attributes": sorted(a["type"].native for a in seal.signer_info["signed_attrs"]),
                    "timestamp": stamp and {
                        "intact": stamp.intact,
                        "valid": stamp.valid,
                        "trusted": stamp.trusted,
                        "time": stamp.timestamp.isoformat(),
                    },
                    "mechanism": status.pkcs7_signature_mechanism,
                }
            )
        )


asyncio.run(main(*sys.argv[1:]))

"""What the reading of a record asks of its bytes: recorded once, so that records which answer alike need not be read again.

`traced` lays numbers and texts under the code of `evidence` and `examine` that write down every comparison that is made with
them. What is written down, and how it came out, is all that the answer can depend on: the signature is complete by
construction, whatever that code looks at. A use of a value that cannot be written down raises, and the record is read as any.
"""

from __future__ import annotations

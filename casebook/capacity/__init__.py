"""What a hospital can take: what is counted (`resources`), what was stated (`figures`), what it is worth (`ageing`).

Numbers need no more than this; chances (`ageing`, `standing`) are imported by their own names.
"""

from casebook.capacity.figures import WHOLE_HOSPITAL as WHOLE_HOSPITAL
from casebook.capacity.figures import Closure as Closure
from casebook.capacity.figures import Figure as Figure
from casebook.capacity.figures import Forced as Forced
from casebook.capacity.figures import Hold as Hold
from casebook.capacity.figures import Refusal as Refusal
from casebook.capacity.figures import free_now as free_now
from casebook.capacity.resources import AGE_LIMIT_S as AGE_LIMIT_S
from casebook.capacity.resources import CAPABILITIES as CAPABILITIES
from casebook.capacity.resources import Resource as Resource
from casebook.capacity.resources import resource_table as resource_table

# Amounts of Bilag's events are whole numbers with two decimals implied.
def hundredths: tonumber * 100 | round;

def scalars: select(type | . != "array" and . != "object");
def iterables: select(type | . == "array" or . == "object");

def toboolean: if type == "boolean" then . elif . == "true" then true elif . == "false" then false
  else error("toboolean takes true or false") end;

def repeat(f): def rec: ., (f | rec); rec;

def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);
def index($i): indices($i)[0];
def rindex($i): indices($i)[-1];
def trimstr($x): ltrimstr($x) | rtrimstr($x);
def transpose: [range([.[] | length] | max) as $i | [.[][$i]]];
def IN(s): any(s == .; .);
def IN(source; s): any(source == s; .);
def INDEX(f): reduce .[] as $x ({}; . + { ($x | f | tostring): $x });

def @json: tojson;

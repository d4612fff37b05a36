"""Go's templates, as far as charts need them: text with {{ actions }}; https://pkg.go.dev/text/template."""
import re

from chart_functions import Failed, text, truth

ACTION = re.compile(r"\{\{(-\s)?\s*(/\*.*?\*/|(?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|[^\"`])*?)\s*(\s-)?\}\}", re.S)
TOKEN = re.compile(r"""\s*(?:(?P<string>"(?:\\.|[^"\\])*"|`[^`]*`)|(?P<number>-?\d+)|(?P<variable>\$\w*(?:\.\w+)*)|(?P<field>(?:\.\w+)+)
                       |(?P<dot>\.)|(?P<name>\w+)|(?P<sign>:=|=|\||\(|\)|,))""", re.X)


class TemplateError(Exception):
    """A template is not right, or does not work with these values."""


class Parser:
    """One file into a tree: ("text", s), ("print", pipeline), ("set", name, pipeline, declares), ("if", [(pipeline, body)...]),
    ("range", names, pipeline, body, otherwise), ("with", pipeline, body, otherwise)."""

    def __init__(self, name, source, defined):
        self.name = name
        self.defined = defined
        self.pieces = []
        position = 0
        trim = False
        for found in ACTION.finditer(source):
            before = source[position:found.start()]
            before = before.lstrip() if trim else before
            self.pieces.append(("text", before.rstrip() if found.group(1) else before))
            if not found.group(2).startswith("/*"):
                self.pieces.append(("action", found.group(2)))
            trim = found.group(3) is not None
            position = found.end()
        rest = source[position:]
        if "{{" in rest:
            raise TemplateError("%s: an action does not end" % name)
        self.pieces.append(("text", rest.lstrip() if trim else rest))
        self.at = 0

    def body(self, ends):
        """Nodes up to one of these keywords; returns them, and the action that ended them."""
        nodes = []
        while self.at < len(self.pieces):
            kind, piece = self.pieces[self.at]
            self.at += 1
            if kind == "text":
                nodes.append(("text", piece))
                continue
            tokens = self.tokens(piece)
            word = tokens[0][1] if tokens and tokens[0][0] == "name" else None
            if word in ("end", "else"):
                if word not in ends:
                    raise TemplateError("%s: %s is not expected" % (self.name, word))
                return nodes, tokens
            if word in ("if", "with", "range"):
                nodes.append(self.block(word, tokens[1:]))
            elif word == "define":
                self.defined[self.string(tokens[1][1])] = self.body(("end",))[0]
            elif word in ("block", "template", "break", "continue"):
                raise TemplateError("%s: %s is not known here" % (self.name, word))
            elif len(tokens) > 1 and tokens[0][0] == "variable" and tokens[1][1] in (":=", "="):
                nodes.append(("set", tokens[0][1], self.pipeline(tokens[2:]), tokens[1][1] == ":="))
            else:
                nodes.append(("print", self.pipeline(tokens)))
        if ends:
            raise TemplateError("%s: an end is missing" % self.name)
        return nodes, None

    def block(self, word, tokens):
        names = []
        if word == "range":
            signs = [i for i, token in enumerate(tokens) if token == ("sign", ":=")]
            if signs:
                names = [token[1] for token in tokens[:signs[0]] if token[0] == "variable"]
                tokens = tokens[signs[0] + 1:]
        pipeline = self.pipeline(tokens)
        body, end = self.body(("end", "else"))
        otherwise = []
        if end[0][1] == "else":
            if len(end) > 1:
                if word != "if" or end[1] != ("name", "if"):
                    raise TemplateError("%s: else %s is not known here" % (self.name, end[1][1]))
                otherwise = [self.block("if", end[2:])]
            else:
                otherwise = self.body(("end",))[0]
        return (word, names, pipeline, body, otherwise)

    def tokens(self, piece):
        found = []
        position = 0
        while position < len(piece):
            token = TOKEN.match(piece, position)
            if token is None:
                raise TemplateError("%s: {{ %s }} cannot be read" % (self.name, piece))
            found.append((token.lastgroup, token.group(token.lastgroup)))
            position = token.end()
        return found

    @staticmethod
    def string(token):
        return token[1:-1] if token[0] == "`" else re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), token[1:-1])

    def pipeline(self, tokens):
        """A list of commands; a command is a list of operands."""
        rest = list(tokens)
        commands = self.commands(rest)
        if rest or not all(commands):
            raise TemplateError("%s: this pipeline cannot be read: %s" % (self.name, [token[1] for token in tokens]))
        return commands

    def commands(self, rest):
        commands = [[]]
        while rest and rest[0] != ("sign", ")"):
            kind, token = rest.pop(0)
            if (kind, token) == ("sign", "|"):
                commands.append([])
            elif (kind, token) == ("sign", "("):
                inner = self.commands(rest)
                if not rest or rest.pop(0) != ("sign", ")"):
                    raise TemplateError("%s: a parenthesis is not closed" % self.name)
                commands[-1].append(("pipeline", inner, []))
            elif kind in ("variable", "field", "dot"):
                name, *fields = token.split(".")
                commands[-1].append((kind, name, fields if kind != "dot" else []))
            elif kind == "string":
                commands[-1].append(("constant", self.string(token), []))
            elif kind == "number":
                commands[-1].append(("constant", int(token), []))
            elif kind == "name" and token in ("true", "false", "nil"):
                commands[-1].append(("constant", {"true": True, "false": False, "nil": None}[token], []))
            elif kind == "name":
                commands[-1].append(("function", token, []))
            else:
                raise TemplateError("%s: %s is not expected" % (self.name, token))
        return commands


class Templates:
    """All templates of a chart, which may include one another."""

    def __init__(self, functions):
        self.functions = dict(functions, include=lambda name, dot: self.execute(name, dot))
        self.defined = {}

    def add(self, name, source):
        self.defined[name] = Parser(name, source, self.defined).body(())[0]

    def execute(self, name, dot):
        if name not in self.defined:
            raise TemplateError("there is no template %s" % name)
        try:
            return self.run(self.defined[name], dot, [{"$": dot}])
        except (Failed, TypeError, ValueError, KeyError, AttributeError) as error:
            raise TemplateError("%s: %s" % (name, error)) from error

    def run(self, nodes, dot, scopes):
        out = []
        scopes = scopes + [{}]
        for node in nodes:
            kind = node[0]
            if kind == "text":
                out.append(node[1])
            elif kind == "print":
                out.append(text(self.evaluate(node[1], dot, scopes)))
            elif kind == "set":
                value = self.evaluate(node[2], dot, scopes)
                scope = scopes[-1] if node[3] else next((s for s in reversed(scopes) if node[1] in s), None)
                if scope is None:
                    raise Failed("%s is not declared" % node[1])
                scope[node[1]] = value
            else:
                out.append(self.run_block(node, dot, scopes))
        return "".join(out)

    def run_block(self, node, dot, scopes):
        kind, names, pipeline, body, otherwise = node
        value = self.evaluate(pipeline, dot, scopes)
        if not truth(value):
            return self.run(otherwise, dot, scopes)
        if kind == "if":
            return self.run(body, dot, scopes)
        if kind == "with":
            return self.run(body, value, scopes)
        items = sorted(value.items()) if isinstance(value, dict) else list(enumerate(value))
        return "".join(self.run(body, item, scopes + [dict(zip(names[::-1], (item, key)))]) for key, item in items)

    def evaluate(self, commands, dot, scopes):
        value = []
        for command in commands:
            head, operands = command[0], [self.operand(operand, dot, scopes) for operand in command[1:]]
            if head[0] == "function":
                if head[1] not in self.functions:
                    raise Failed("the function %s is not known here" % head[1])
                value = [self.functions[head[1]](*operands, *value)]
            elif operands or value:
                raise Failed("%s takes no arguments" % head[1])
            else:
                value = [self.operand(head, dot, scopes)]
        return value[0]

    def operand(self, operand, dot, scopes):
        kind, token, fields = operand
        if kind == "constant":
            return token
        if kind == "function":
            return self.evaluate([[operand]], dot, scopes)
        if kind == "pipeline":
            return self.evaluate(token, dot, scopes)
        value = dot
        if kind == "variable":
            value = next((scope[token] for scope in reversed(scopes) if token in scope), self)
            if value is self:
                raise Failed("%s is not declared" % token)
        for field in fields:
            if not isinstance(value, dict):
                raise Failed("%s: %s is no mapping" % (token, field))
            value = value.get(field)
        return value

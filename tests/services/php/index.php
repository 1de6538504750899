<?php
// An application behind php-fpm that asks a model twice for each request, with curl. It logs as `hops.py` says, and hands on no
// headers.

function now(): int
{
    // Not of floating point, which has no nanoseconds of the wall clock.
    [$fraction, $seconds] = explode(" ", microtime());
    return (int) $seconds * 1000000000 + (int) ($fraction * 1e9);
}

function write(array $line): void
{
    $line += ["service" => "server", "pid" => getmypid(), "tid" => getmypid(), "context" => null];
    file_put_contents(getenv("TRUTH") . "/" . getmypid() . ".jsonl", json_encode($line, JSON_UNESCAPED_SLASHES) . "\n", FILE_APPEND);
}

function ask(string $parent, int $number): string
{
    $path = "/v1/chat/completions";
    $reference = "$parent.$number";
    $start_ns = now();
    $curl = curl_init(getenv("LLM_URL") . $path);
    $messages = [["role" => "user", "content" => "What is Lisbon like?"]];
    curl_setopt_array($curl, [
        CURLOPT_POSTFIELDS => json_encode(["model" => "standin-script-slow", "messages" => $messages]),
        CURLOPT_HTTPHEADER => ["content-type: application/json", "x-request-ref: $reference"],
        CURLOPT_RETURNTRANSFER => true,
    ]);
    $document = json_decode(curl_exec($curl), true);
    $place = curl_getinfo($curl);
    write(["ref" => $reference, "parent" => $parent, "end" => "out", "path" => $path, "start_ns" => $start_ns, "end_ns" => now(),
           "own" => [$place["local_ip"], $place["local_port"]], "peer" => [$place["primary_ip"], $place["primary_port"]],
           "answer" => $document["id"]]);
    return $document["choices"][0]["message"]["content"];
}

$start_ns = now();
$reference = $_SERVER["HTTP_X_REQUEST_REF"];
ask($reference, 1);
$answer = ask($reference, 2);
write(["ref" => $reference, "parent" => null, "end" => "in", "path" => $_SERVER["REQUEST_URI"], "start_ns" => $start_ns,
       "end_ns" => now(), "own" => [$_SERVER["SERVER_ADDR"], (int) $_SERVER["SERVER_PORT"]],
       "peer" => [$_SERVER["REMOTE_ADDR"], (int) $_SERVER["REMOTE_PORT"]]]);
header("content-type: application/json");
echo json_encode(["answer" => $answer]);

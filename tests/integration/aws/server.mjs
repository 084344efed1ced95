// AWS as far as an inventory asks it, with faults: server.mjs LOG. Prints its port. The first part of the path is the mode; each
// signature is worked out anew, from the keys that were given away. Each request is a line of JSON in LOG.
import { createHash, createHmac } from "node:crypto";
import { appendFileSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";

const log = process.argv[2];
const keys = new Map([["AKIATEST", { secret: "secret/of+the/environment", token: "" }]]);
const seen = new Map(); // how often what was asked, by mode
let first; // whose keys expire
const count = (what) => seen.set(what, (seen.get(what) ?? 0) + 1).get(what);
const sha = (text) => createHash("sha256").update(text).digest("hex");
const mac = (key, text) => createHmac("sha256", key).update(text).digest();

function give(name) {
    const token = `token-of-${name}-${count(name)}`;
    const access = `ASIA${name.toUpperCase()}${seen.get(name)}`;
    keys.set(access, { secret: `secret-of-${name}`, token });
    return { AccessKeyId: access, SecretAccessKey: `secret-of-${name}`, Token: token };
}

// The access key whose secret signed this; "" for none.
function signer(request, path, body) {
    const match = /^AWS4-HMAC-SHA256 Credential=(\w+)\/(\d+\/([a-z0-9-]+)\/(\w+)\/aws4_request), SignedHeaders=([a-z0-9;-]+), Signature=(\w+)$/
        .exec(request.headers.authorization ?? "");
    const key = keys.get(match?.[1]);
    if (!key || (key.token && request.headers["x-amz-security-token"] !== key.token)) {
        return "";
    }
    const names = match[5].split(";");
    if (key.token && !names.includes("x-amz-security-token")) {
        return "";
    }
    const canonical = ["POST", path, "", ...names.map((name) => `${name}:${request.headers[name].trim()}`), "", match[5], sha(body)].join("\n");
    const scope = match[2].split("/");
    const signing = scope.reduce((by, text) => mac(by, text), `AWS4${key.secret}`);
    const text = ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], match[2], sha(canonical)].join("\n");
    return mac(signing, text).toString("hex") === match[6] ? match[1] : "";
}

const lists = {
    DescribeVpcs: "vpcSet", DescribeSubnets: "subnetSet", DescribeNetworkAcls: "networkAclSet", DescribeSecurityGroups: "securityGroupInfo",
    DescribeSecurityGroupRules: "securityGroupRuleSet", DescribeRouteTables: "routeTableSet", DescribeInternetGateways: "internetGatewaySet",
    DescribeEgressOnlyInternetGateways: "egressOnlyInternetGatewaySet", DescribeNatGateways: "natGatewaySet",
    DescribeVpcPeeringConnections: "vpcPeeringConnectionSet", DescribePrefixLists: "prefixListSet", DescribeManagedPrefixLists: "prefixListSet",
    GetManagedPrefixListEntries: "entrySet", DescribeNetworkInterfaces: "networkInterfaceSet", DescribeInstances: "reservationSet",
    DescribeAddresses: "addressesSet", DescribeVpcBlockPublicAccessOptions: "vpcBlockPublicAccessOptions",
    DescribeVpcBlockPublicAccessExclusions: "vpcBlockPublicAccessExclusionSet", DescribeRegions: "regionInfo",
    DescribeLoadBalancers: "LoadBalancers", DescribeTargetGroups: "TargetGroups", DescribeListeners: "Listeners", DescribeRules: "Rules",
    DescribeLoadBalancerAttributes: "Attributes", DescribeTargetGroupAttributes: "Attributes", DescribeTargetHealth: "TargetHealthDescriptions",
    DescribeDBInstances: "DBInstances", DescribeDBClusters: "DBClusters", DescribeCacheClusters: "CacheClusters",
    DescribeCacheSubnetGroups: "CacheSubnetGroups",
};
const arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:";
const records = {
    DescribeVpcs: "<item><vpcId>vpc-1</vpcId></item>",
    DescribeManagedPrefixLists: "<item><prefixListId>pl-1</prefixListId></item>",
    DescribeRegions: "<item><regionName>eu-west-1</regionName><optInStatus>opt-in-not-required</optInStatus></item>" +
        "<item><regionName>me-south-1</regionName><optInStatus>not-opted-in</optInStatus></item>",
    DescribeLoadBalancers: `<member><LoadBalancerArn>${arn}loadbalancer/app/front/1</LoadBalancerArn><LoadBalancerName>front</LoadBalancerName></member>`,
    DescribeTargetGroups: `<member><TargetGroupArn>${arn}targetgroup/app/1</TargetGroupArn><TargetGroupName>app</TargetGroupName></member>`,
    DescribeListeners: `<member><ListenerArn>${arn}listener/app/front/1/2</ListenerArn></member>`,
};
// Two accounts with hosts, for the mode "live": whose role ends in "second" is the other one's.
const accountOf = (who) => who.startsWith("ASIASECOND") ? "222222222222" : "123456789012";
const hosts = { 123456789012: [1, 2, 3], 222222222222: [4, 5] };
const vpcOf = { 123456789012: "vpc-1", 222222222222: "vpc-2" };
const live = {
    DescribeVpcs: (account) => `<item><vpcId>${vpcOf[account]}</vpcId></item>`,
    DescribeNetworkInterfaces: (account) => hosts[account].map((n) => `<item><networkInterfaceId>eni-${n}</networkInterfaceId>` +
        `<vpcId>${vpcOf[account]}</vpcId><attachment><instanceId>i-${n}</instanceId></attachment>` +
        `<privateIpAddressesSet><item><privateIpAddress>10.0.${account[0]}.${n}</privateIpAddress></item></privateIpAddressesSet></item>`).join(""),
    DescribeInstances: (account) => hosts[account].map((n) => `<item><reservationId>r-${n}</reservationId><instancesSet><item>` +
        `<instanceId>i-${n}</instanceId><vpcId>${vpcOf[account]}</vpcId></item></instancesSet></item>`).join(""),
    DescribeManagedPrefixLists: () => "", DescribeLoadBalancers: () => "", DescribeTargetGroups: () => "", DescribeListeners: () => "",
};
let now = ""; // the fault of the mode "live": GET /now/FAULT sets it, GET /now/FAULT/second for the second account alone
let only = "";
const page = (action, next = "", items = records[action] ?? "") =>
    `<${action}Response><${lists[action]}>${items}</${lists[action]}>${next && `<nextToken>${next}</nextToken>`}</${action}Response>`;
const fault = (code) => `<Response><Errors><Error><Code>${code}</Code><Message>said of secret/of+the/environment</Message></Error></Errors></Response>`;

function sts(form, who) {
    if (form.Action === "GetCallerIdentity") {
        return [200, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>${accountOf(who)}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`];
    }
    if (now === "role" && form.RoleArn.endsWith("second")) {
        return [403, fault("AccessDenied")];
    }
    if (form.Action === "AssumeRoleWithWebIdentity" ? form.WebIdentityToken !== "the web token" : form.RoleArn.endsWith("outer") && form.ExternalId !== "who+we are") {
        return [403, fault("AccessDenied")];
    }
    const role = give(form.RoleArn.split("/").at(-1));
    return [200, `<${form.Action}Response><${form.Action}Result><Credentials><AccessKeyId>${role.AccessKeyId}</AccessKeyId><SecretAccessKey>${role.SecretAccessKey}</SecretAccessKey>` +
        `<SessionToken>${role.Token}</SessionToken></Credentials></${form.Action}Result></${form.Action}Response>`];
}

// Faults by mode: [status, text], [status, text, promised length], or null for no answer at all.
const modes = {
    throttle: (action, n) => n % 3 ? [action.startsWith("DescribeDB") ? 400 : 503, fault("Throttling")] : null,
    broken: (action) => action === "DescribeSubnets" ? [500, ""] : null,
    half: (action) => action === "DescribeSubnets" ? [200, page(action).slice(0, 30), 4000] : null,
    cut: (action) => action === "DescribeSubnets" ? [200, page(action).slice(0, 40)] : null,
    page: (action) => action === "DescribeSubnets" ? [200, "<html><body>It works!</body></html>"] : null,
    entities: (action) => action === "DescribeSubnets" ? [200, `<!DOCTYPE a [<!ENTITY b "${"c".repeat(99)}">]>${page(action)}`] : null,
    endless: (action, n) => action === "DescribeVpcs" ? [200, page(action, `page-${n}`)] : null,
    circle: (action) => action === "DescribeVpcs" ? [200, page(action, "again")] : null,
    silent: (action) => action === "DescribeSubnets" ? "silent" : null,
    denied: (action) => action === "DescribeNetworkAcls" ? [403, fault("UnauthorizedOperation")] : null,
    off: () => [401, fault("AuthFailure")],
    hang: () => "silent",
    none: (action) => action === "DescribeNetworkInterfaces" || action === "DescribeInstances" ? [200, page(action, "", "")] : null,
    fewer: (action) => action === "DescribeNetworkInterfaces" || action === "DescribeInstances" ? [403, fault("UnauthorizedOperation")] : null,
    expired: (action, n, who) => who === (first ??= who) && action === "DescribeSubnets" ? [400, fault("RequestExpired")] : null,
    dead: (action) => action === "DescribeSubnets" ? [400, fault("ExpiredToken")] : null,
    allowed: (action, n, who, service) => (process.env.ALLOWED ?? "").split(" ").includes(`${service}:${action}`) ? null : [403, fault("UnauthorizedOperation")],
};

function local(request, path) {
    if (path === "/container" && request.headers.authorization === "the container's token") {
        return [200, JSON.stringify(give("container"))];
    }
    if (path === "/imds/latest/api/token" && request.method === "PUT" && request.headers["x-aws-ec2-metadata-token-ttl-seconds"]) {
        return [200, "imds-token"];
    }
    if (request.headers["x-aws-ec2-metadata-token"] !== "imds-token") {
        return [401, ""];
    }
    return path.endsWith("/security-credentials/") ? [200, "machine"] : [200, JSON.stringify(give("machine"))];
}

function answer(request, path, body) {
    if (path.startsWith("/now/")) {
        [, , now, only = ""] = path.split("/");
        return [200, ""];
    }
    if (path === "/container" || path.startsWith("/imds/")) {
        return local(request, path);
    }
    const form = Object.fromEntries(new URLSearchParams(body));
    const service = /\/(\w+)\/aws4_request/.exec(request.headers.authorization ?? "")?.[1] ?? "sts";
    const action = request.headers["x-amz-target"]?.split(".")[1] ?? form.Action;
    const mode = path.split("/")[1];
    const who = form.Action === "AssumeRoleWithWebIdentity" && !request.headers.authorization ? "nobody" : signer(request, path, body);
    appendFileSync(log, `${JSON.stringify({ mode, service, action, who })}\n`);
    if (who === "") {
        return [403, fault("SignatureDoesNotMatch")];
    }
    if (service === "sts") {
        return sts(form, who);
    }
    if (mode === "live") {
        const account = accountOf(who);
        const given = only === "" || account[0] === "2" ? modes[now]?.(action, count(`${mode}${now}${action}`), who, service) : null;
        return given ?? [200, action === "DescribeInstanceInformation" ? '{"InstanceInformationList":[]}' : page(action, "", live[action]?.(account))];
    }
    const n = count(`${mode}${action}${form.TargetGroupArn ?? form.LoadBalancerArn ?? form.ListenerArn ?? ""}`);
    return modes[mode]?.(action, n, who, service) ?? [200, action === "DescribeInstanceInformation" ? '{"InstanceInformationList":[]}' : page(action)];
}

const serve = (request, response) => {
    let body = "";
    request.on("data", (bytes) => { body += bytes; });
    request.on("end", () => {
        const given = answer(request, request.url, body);
        if (given === "silent") {
            return;
        }
        const [status, text, length] = given;
        response.writeHead(status, { "content-length": length ?? Buffer.byteLength(text) });
        response.write(text);
        length ? response.destroy() : response.end();
    });
};

// With TLS=FOLDER by its key.pem and cert.pem.
const file = (name) => readFileSync(`${process.env.TLS}/${name}`);
const server = process.env.TLS ? createTlsServer({ key: file("key.pem"), cert: file("cert.pem") }, serve) : createServer(serve);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));

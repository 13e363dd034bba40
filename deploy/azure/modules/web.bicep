// The web page as a container app behind Azure's own login: from none to one replica, by requests.
param prefix string
param location string
param tags object
@description('By digest.')
param image string
param environmentId string
@description('The server of the registry that has the image.')
param registryServer string
@description('Of the page: id and clientId.')
param identity object
@description('The client id of the application in Entra ID that people log in to.')
param loginClientId string
@description('Where browsers find the page.')
param host string
@description('Public addresses, or ranges of them, that alone may ask for the page; empty: all may.')
param addresses array
param env array
@description('Whether the process is alive.')
param alive object
@description('How long it may finish what it answers when it is told to leave.')
param drainSeconds int

var port = 8090

resource app 'Microsoft.App/containerApps@2026-01-01' = {
  name: '${prefix}-web'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: toObject([identity.id], id => id, id => {})
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      maxInactiveRevisions: 5
      registries: [{ server: registryServer, identity: identity.id }]
      ingress: {
        external: true
        allowInsecure: false
        targetPort: port
        transport: 'http'
        clientCertificateMode: 'ignore'
        ipSecurityRestrictions: [for (address, i) in addresses: {
          name: 'people-${i}'
          action: 'Allow'
          ipAddressRange: address
        }]
      }
    }
    template: {
      terminationGracePeriodSeconds: drainSeconds + 30
      containers: [
        {
          name: 'web'
          image: image
          resources: { cpu: json('0.5'), memory: '1Gi' }
          // It answers as soon as it listens: what it may not do in storage, the page itself says.
          probes: [
            alive
            { type: 'Readiness', tcpSocket: { port: port }, periodSeconds: 2, failureThreshold: 10 }
          ]
          env: concat(env, [
            { name: 'AZURE_CLIENT_ID', value: identity.clientId }
            { name: 'IMPASTO_WEB_ADDRESS', value: '0.0.0.0' }
            { name: 'IMPASTO_WEB_PORT', value: string(port) }
            { name: 'IMPASTO_WEB_HOSTS', value: host }
            { name: 'IMPASTO_WEB_LOGIN', value: 'azure' }
          ])
        }
      ]
      scale: {
        minReplicas: 0
        maxReplicas: 1 // one reads for all pages
        cooldownPeriod: 300
        rules: [{ name: 'requests', http: { metadata: { concurrentRequests: '100' } } }]
      }
    }
  }
}

// All requests pass it. It proves nothing to Entra ID, and asks for no more than
// who somebody is, with which roles.
resource login 'Microsoft.App/containerApps/authConfigs@2026-01-01' = {
  parent: app
  name: 'current'
  properties: {
    platform: { enabled: true }
    globalValidation: {
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
    }
    httpSettings: { requireHttps: true }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: loginClientId
          openIdIssuer: '${az.environment().authentication.loginEndpoint}${subscription().tenantId}/v2.0'
        }
        validation: { allowedAudiences: [loginClientId] }
      }
    }
    login: {
      preserveUrlFragmentsForLogins: false
      cookieExpiration: { convention: 'FixedTime', timeToExpiration: '08:00:00' }
    }
  }
}
